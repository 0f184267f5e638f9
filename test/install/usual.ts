/**
 * What the contract has to know of the usual software. Other adapters are tested beside some of it.
 */
import type { TestedAdapter } from './contract.story.ts';

export const postfix: TestedAdapter = {
  name: 'postfix',
  configuration: 'cat /etc/postfix/main.cf /etc/postfix/master.cf',
  stop: 'postfix stop',
  drift: 'printf "%s\\n" example.test .example.test | postmap -d - lmdb:/etc/sealpost/sni',
  takeBack: `postconf -X tls_server_sni_maps smtpd_tls_chain_files
    touch -d '1 minute ago' /etc/postfix/main.cf # Postfix waits with a file of less than two seconds
    postfix reload`,
};

export const dovecot: TestedAdapter = {
  name: 'dovecot',
  configuration: 'doveconf -n; ls /etc/dovecot/conf.d',
  stop: 'doveadm stop',
  hinder: {
    how: 'echo "no_such_setting = {" >/etc/dovecot/conf.d/98-foreign.conf',
    mend: 'rm /etc/dovecot/conf.d/98-foreign.conf',
  },
  drift: ': >/etc/sealpost/dovecot.d/domains.conf; doveadm reload; sleep 2',
  takeBack: 'rm /etc/dovecot/conf.d/99-sealpost.conf; doveadm reload; sleep 2',
  counts: ['blocks', 'blocks-max'],
  usesTmp: true,
};

export const nginx: TestedAdapter = {
  name: 'nginx',
  configuration: 'cat /etc/nginx/nginx.conf /etc/nginx/sites-available/webmail /etc/group; ls /etc/nginx/conf.d',
  stop: 'nginx -s stop; while [ -e /run/nginx.pid ]; do sleep 0.1; done',
  hinder: {
    how: 'echo "no_such_setting on;" >/etc/nginx/conf.d/foreign.conf',
    mend: 'rm /etc/nginx/conf.d/foreign.conf',
  },
  drift: ': >/etc/sealpost/nginx-names; nginx -s reload; sleep 1',
  takeBack: `sed -i 's|ssl_certificate .*|ssl_certificate /etc/ssl/certs/server.pem;|; s|ssl_certificate_key .*|ssl_certificate_key /etc/ssl/private/server.key;|' /etc/nginx/sites-available/webmail
    nginx -s reload; sleep 1`,
};

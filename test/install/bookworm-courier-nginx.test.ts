/** Debian 12: Courier, which serves under the host's name, and nginx. */
import { contract } from './contract.suite.ts';
import { nginx } from './usual.ts';

contract({
  release: 'bookworm',
  adapters: [
    {
      name: 'courier',
      configuration: `cd /etc/courier; stat -c '%n %U %G %a %F' imapd* pop3d* esmtpd*; cat imapd* pop3d* esmtpd*`,
      stop: 'for each in imapd imapd-ssl pop3d pop3d-ssl esmtpd esmtpd-ssl esmtpd-msa; do $each stop; done',
      drift: 'cp -a /etc/sealpost/adoption/courier/* /etc/courier',
      takeBack: `cp -a /etc/sealpost/adoption/courier/imapd.pem /etc/courier/own.pem
        sed -i 's|^TLS_CERTFILE=.*|TLS_CERTFILE=/etc/courier/own.pem|' /etc/courier/imapd-ssl
        for each in imapd imapd-ssl; do $each stop; $each start; done`,
      oneCertificate: true,
    },
    nginx,
  ],
  facts: { os: /Debian GNU\/Linux 12/, courier: /^1\.0\.16$/, nginx: /^1\.22\./ },
  testssl: 993,
});

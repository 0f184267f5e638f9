/** What is different on a server for webmail alone, without a host. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const install = join(import.meta.dirname, '../../install');
const scratch = mkdtempSync(join(tmpdir(), 'sealpost-rsa-'));
afterAll(() => rmSync(scratch, { recursive: true }));

for (const [name, ...algorithm] of [
  ['rsa', 'rsa:2048'],
  ['ecdsa', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
])
  execFileSync(
    'openssl',
    ['req', '-x509', '-nodes', '-subj', '/CN=web1.provider.test', '-newkey', ...algorithm].concat([
      ...['-keyout', join(scratch, `${name}.key`)],
      ...['-out', join(scratch, `${name}.pem`)],
    ]),
    { stdio: 'ignore' },
  );

/** Runs a function of an adapter on a host where this mail software runs. */
function run(adapter: string, host: { mail: string; leaveOut?: string }, script: string): string {
  const parts = ['parts/adapter', 'parts/chains', 'parts/inspect', 'parts/webmail', `adapters/${adapter}`];
  const text = `
    home=${scratch} run=${scratch} server=web1.provider.test leave_out='${host.leaveOut ?? ''}'
    ${parts.map(part => `. ${install}/${part}.sh`).join('; ')}
    daemons= web_servers=
    adapter postfix mail by-name; adapter web webmail by-name
    : >$home/domains
    postfix_detect() { echo ${host.mail}; }
    ${script}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', text], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

test.each([
  [['rsa'], { mail: '' }, /^costs clients that know only RSA their TLS as soon as the host has/],
  [['rsa'], { mail: '3.7', leaveOut: 'postfix' }, /^costs clients that know only RSA/],
  [['rsa'], { mail: '3.7' }, /^$/],
  [['ecdsa'], { mail: '' }, /^$/],
  [['rsa', 'ecdsa'], { mail: '' }, /^$/],
])('what RSA-only clients lose of nginx with the pairs %j, on %j', (pairs, host, said) => {
  const told = `for one in ${pairs.join(' ')}; do printf '${scratch}/%s.key\\t${scratch}/%s.pem\\n' $one $one; done`;
  expect(run('nginx-plan', host, `nginx_told() { ${told}; }; nginx_costs_of_rsa`)).toMatch(said);
});

test.each([
  ['webmail.provider.test web1.provider.test', '', /^\/etc\/site.conf:3: this virtual host has the name of the server/],
  ['webmail.provider.test web1.provider.test', '4.98', /^$/],
  ['webmail.web1.provider.test', '', /^$/],
])('Apache with the names %s, beside mail software %j', (names, mail, said) => {
  const sites = `printf '*:443\\t/etc/site.conf\\t3\\t${names} \\n' >$run/apache.sites`;
  expect(run('apache', { mail }, `${sites}; apache_own_name`)).toMatch(said);
});

/** What the plan of a web server says to clients that know only RSA, without a host. */
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

/** @returns what nginx's plan costs with these pairs, on a host where this mail software runs */
function costs({ pairs, mail, leaveOut = '' }: { pairs: string[]; mail: string; leaveOut?: string }): string {
  const script = `
    . ${install}/parts/adapter.sh; . ${install}/parts/chains.sh; . ${install}/parts/inspect.sh; . ${install}/adapters/nginx-plan.sh
    adapter postfix mail by-name; adapter nginx webmail by-name
    home=${scratch} run=${scratch} server=web1.provider.test leave_out='${leaveOut}'
    : >$home/domains
    postfix_detect() { echo ${mail}; }
    nginx_told() { for one in ${pairs.join(' ')}; do printf '${scratch}/%s.key\\t${scratch}/%s.pem\\n' $one $one; done; }
    nginx_costs_of_rsa`;
  return spawnSync('sh', ['-euc', script], { encoding: 'utf8' }).stdout;
}

test.each([
  [{ pairs: ['rsa'], mail: '' }, /^costs clients that know only RSA their TLS as soon as the host has/],
  [{ pairs: ['rsa'], mail: '3.7', leaveOut: 'postfix' }, /^costs clients that know only RSA/],
  [{ pairs: ['rsa'], mail: '3.7' }, /^$/],
  [{ pairs: ['ecdsa'], mail: '' }, /^$/],
  [{ pairs: ['rsa', 'ecdsa'], mail: '' }, /^$/],
])('%j', (host, said) => expect(costs(host)).toMatch(said));

/**
 * Judges that others wrote. They trust only the given root, and what they print is their verdict.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBase } from '../../local/hosts/base.ts';
import { USUAL } from '../../local/hosts/software.ts';
import { ensureTestssl, testsslVerdicts } from '../../local/tools/judges.ts';
import { runProgram } from '../../local/machine/program.ts';
import type { MailHost } from './mail-host.ts';

/**
 * posttls-finger needs a Postfix: it runs in the root of a host, which is read only, with its files
 * on a tmpfs.
 */
const FINGER = `set -eu
  mount -t tmpfs tmpfs "$1/run"
  cat >"$1/run/roots.pem"
  printf 'compatibility_level = 3.6\\ninet_protocols = ipv4\\n' >"$1/run/main.cf"
  touch -d '1 minute ago' "$1/run/main.cf" # it waits with a file of less than two seconds
  : >"$1/run/master.cf"
  exec env -i MAIL_CONFIG=/run PATH=/usr/sbin:/usr/bin chroot "$1" \
    posttls-finger -c -l secure -F /run/roots.pem -s "$3" "[$2]:25" "$3"`;

/**
 * @returns what posttls-finger says of port 25, as a mail server that requires this name and a
 * trusted chain
 */
export async function posttlsFinger(address: string, name: string, root: string): Promise<string> {
  const base = await ensureBase({ ...USUAL, report: () => {} });
  const isolated = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', FINGER, 'sh'];
  const { stdout, stderr } = await runProgram([...isolated, base, address, name], { input: root });
  return stdout + stderr;
}

/** @returns what testssl.sh says of a port's chain and name, as a client that sends the name */
export async function testssl(
  { host, ca, directory }: MailHost,
  name: string,
  port: number,
): Promise<Record<string, string>> {
  const caFile = join(directory, 'judges-root.pem');
  writeFileSync(caFile, ca.root);
  const question = { name, address: host.address, port, caFile, directory };
  return testsslVerdicts(await ensureTestssl(() => {}), question);
}

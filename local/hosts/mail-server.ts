/** The daemons of a mail and webmail host. Its provider runs them without systemd. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.ts';

/** The one mailbox of every local mail server. */
export const TEST_MAILBOX = { user: 'customer@example.test', password: 'correct horse' };

const DONE = '/var/lib/mail-server-is-set-up';

/**
 * Configures the host's software the first time, and starts the daemons that are not running. It
 * takes some seconds, and nothing happens if all are running. mail-server.sh describes the server.
 */
export async function setUpMailServer(host: Host): Promise<void> {
  if ((await host.run(['test', '-e', DONE])).exitCode !== 0) {
    await mailServer(host, ['set-up', host.hostName, TEST_MAILBOX.user, TEST_MAILBOX.password]);
    await mustRunIn(host, ['touch', DONE]);
  }
  await startServices(host);
}

/** Starts the daemons that are not running. A host that was stopped starts without its daemons. */
export async function startServices(host: Host): Promise<void> {
  await mailServer(host, ['start']);
}

/** One script: each software's part, then the code that calls the parts. */
async function mailServer(host: Host, command: string[]): Promise<void> {
  const parts = [...host.software.map(each => `software/${each}.sh`), 'mail-server.sh'];
  const texts = await Promise.all(parts.map(part => readFile(join(import.meta.dirname, part), 'utf8')));
  await mustRunIn(host, ['sh', '-s', ...command, ...host.software], texts.join('\n'));
}

async function mustRunIn(host: Host, command: string[], input = ''): Promise<void> {
  const result = await host.run(command, { input });
  if (result.exitCode === 0) return;
  throw new Error(`${host.name}: the mail server is not set up: ${(result.stderr + result.stdout).trim().slice(-800)}`);
}

/** The daemons of a mail and webmail host, as its provider runs them, without systemd. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.ts';

/** The one mailbox every local mail server has, to log in with. */
export const TEST_MAILBOX = { user: 'customer@example.test', password: 'correct horse' };

const DONE = '/var/lib/mail-server-is-set-up';

/**
 * Configures Postfix, Dovecot 2.3 and nginx (bookworm) the first time, and starts whichever is not running; see
 * mail-server.sh for what such a server is. Some seconds; nothing to do when all of it is there.
 */
export async function setUpMailServer(host: Host): Promise<void> {
  if ((await host.run(['test', '-e', DONE])).exitCode !== 0) {
    const script = await readFile(join(import.meta.dirname, 'mail-server.sh'), 'utf8');
    const command = ['sh', '-s', host.hostName, TEST_MAILBOX.user, TEST_MAILBOX.password];
    await mustRunIn(host, command, script);
    await mustRunIn(host, ['touch', DONE]);
  }
  await startServices(host);
}

/** Starts Postfix, Dovecot and nginx where they are not running. A host that was stopped starts without them. */
export async function startServices(host: Host): Promise<void> {
  const script = `set -eu
    if ! postfix status 2>/dev/null; then
      cp /etc/resolv.conf /var/spool/postfix/etc/
      postfix start 2>/dev/null
    fi
    kill -0 "$(cat /run/dovecot/master.pid 2>/dev/null || echo none)" 2>/dev/null || dovecot
    kill -0 "$(cat /run/nginx.pid 2>/dev/null || echo none)" 2>/dev/null || nginx`;
  await mustRunIn(host, ['sh', '-c', script]);
}

async function mustRunIn(host: Host, command: string[], input = ''): Promise<void> {
  const result = await host.run(command, { input });
  if (result.exitCode === 0) return;
  throw new Error(`${host.name}: the mail server is not set up: ${(result.stderr + result.stdout).trim().slice(-800)}`);
}

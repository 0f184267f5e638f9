/**
 * Customers who work during the soak: handshakes with domains that nothing happens to, and open
 * mailboxes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { handshake } from '../../local/clients/handshake.ts';
import { openSession, type Session } from '../../local/clients/session.ts';
import { TEST_MAILBOX } from '../../local/hosts/mail-server.ts';

export interface Customer {
  address: string;
  /** Names of mail servers, `mail.customer1.test`. */
  names: string[];
}

const PAUSE_MS = 100;

export class Customers {
  handshakes = 0;
  readonly failed: string[] = [];
  readonly sessionsEnded: string[] = [];
  sessions = 0;
  readonly #roots: string;
  #open: Session[] = [];
  #looping: Promise<void> = Promise.resolve();
  #isOn = false;

  constructor(roots: string) {
    this.#roots = roots;
  }

  async begin(customers: Customer[]): Promise<void> {
    this.#isOn = true;
    this.#open = await Promise.all(customers.map(({ address }) => idle(address)));
    this.sessions += this.#open.length;
    const looks = customers.flatMap(({ address, names }) => names.map(name => ({ address, name })));
    this.#looping = this.#loop(looks);
  }

  /** Before the hosts restart, which ends every session. */
  async end(): Promise<void> {
    this.#isOn = false;
    await this.#looping;
    for (const session of this.#open) {
      await session
        .ask('DONE', /^c OK/)
        .then(() => session.ask('d NOOP', /^d OK/))
        .catch((error: Error) => this.sessionsEnded.push(error.message));
      session.close();
    }
    this.#open = [];
  }

  async #loop(looks: { address: string; name: string }[]): Promise<void> {
    while (this.#isOn)
      for (const look of looks) {
        if (!this.#isOn) return;
        const { trusted, reason } = await handshake({ ...look, port: 993, roots: this.#roots });
        this.handshakes++;
        if (!trusted) this.failed.push(`${new Date().toISOString()} ${look.name}: ${reason}`);
        await pause(PAUSE_MS);
      }
  }
}

/** Logs in, opens a folder, and waits with IDLE (RFC 2177). */
async function idle(address: string): Promise<Session> {
  const session = await openSession(address, 993, /^\* OK/);
  await session.ask(`a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`, /^a OK/);
  await session.ask('b SELECT INBOX', /^b OK/);
  await session.ask('c IDLE', /^\+ idling/);
  return session;
}

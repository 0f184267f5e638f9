/** Customers who work while certificates change: handshakes in a loop, and open, idle mailboxes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { handshake } from './handshake.ts';
import { TEST_MAILBOX } from '../hosts/mail-server.ts';
import { openSession, type Session } from './session.ts';

/** A name that a client connects to. */
export interface Client {
  address: string;
  port: number;
  name: string;
}

export interface Clients {
  /** The number of handshakes, and the failed ones with their reason. */
  handshakes: number;
  failed: string[];
  /**
   * When a client's name was first seen with another certificate than at the beginning, in
   * milliseconds since the epoch.
   */
  renewedAt: Map<Client, number>;
  /**
   * Ends the loop and the sessions. Each session must still answer.
   * @returns the failures of sessions
   */
  end(): Promise<string[]>;
}

/** The pause between two handshakes, which leaves time for the machine's other work. */
const PAUSE_MS = 20;

/**
 * Connects to each name in turn, trusting `roots` alone, until `end` is called. Opens one idle
 * session for each of `mailboxes`.
 */
export async function watchClients(clients: Client[], mailboxes: string[], roots: string): Promise<Clients> {
  const first = new Map<Client, string | undefined>();
  const sessions = await Promise.all(mailboxes.map(idleSession));
  const stop = new AbortController();
  const seen: Clients = {
    handshakes: 0,
    failed: [],
    renewedAt: new Map(),
    async end() {
      stop.abort();
      await looping;
      return (await Promise.all(sessions.map(endSession))).flat();
    },
  };

  async function look(client: Client): Promise<void> {
    const { trusted, reason, fingerprint } = await handshake({ ...client, roots });
    seen.handshakes++;
    if (!trusted) seen.failed.push(`${client.name}, port ${client.port}: ${reason}`);
    if (!first.has(client)) first.set(client, fingerprint);
    else if (trusted && fingerprint !== first.get(client) && !seen.renewedAt.has(client))
      seen.renewedAt.set(client, Date.now());
  }

  // Each name is seen once before anything changes.
  for (const client of clients) await look(client);
  const looping = (async () => {
    while (!stop.signal.aborted)
      for (const client of clients) {
        if (stop.signal.aborted) return;
        await look(client);
        await sleep(PAUSE_MS);
      }
  })();
  return seen;
}

/** Logs in, opens a folder, and waits with IDLE (RFC 2177). */
async function idleSession(address: string): Promise<Session> {
  const session = await openSession(address, 993, /^\* OK/);
  await session.ask(`a LOGIN ${TEST_MAILBOX.user} "${TEST_MAILBOX.password}"`, /^a OK/);
  await session.ask('b SELECT INBOX', /^b OK/);
  await session.ask('c IDLE', /^\+ idling/);
  return session;
}

async function endSession(session: Session): Promise<string[]> {
  try {
    await session.ask('DONE', /^c OK/);
    await session.ask('d NOOP', /^d OK/);
    return [];
  } catch (error) {
    return [(error as Error).message];
  } finally {
    session.close();
  }
}

/** ReleaseServer: the claim on a server ends, or the next round begins. */
import type { Clock } from '../clock.ts';
import { nextTry } from '../domain/domain.ts';
import { SealpostError } from '../errors.ts';
import type { Store } from '../store.ts';
import { MAX_ENTRIES } from './delivery.ts';
import { isDeliverable, type ServerRecord } from './server.ts';

/** An execution's history holds 25,000 events, a round about 25: after this many another execution goes on. */
const MAX_ROUNDS = 50;

/** @throws SealpostError MoreWork, ClaimLost */
export async function releaseServer(
  input: { server: string; execution: string; rounds: number; error?: { Error: string; Cause?: string } },
  { store, clock }: { store: Store; clock: Clock },
): Promise<{ server: string; dueAt?: number }> {
  const server = await store.renewServer(input.server, input.execution, clock.now());
  if (input.error) return releaseAfterFailure(server, input.execution, { store, clock });
  const dueAt = await nextRound(server, input.rounds, { store, clock });
  if (await store.releaseServer(server.server, input.execution, server.wanted, dueAt))
    return { server: server.server, ...(dueAt !== undefined && { dueAt }) };
  throw new SealpostError('MoreWork', server.server, `work came for ${server.server} while it was released`);
}

/** What came meanwhile waits for the next try, too: without that a server out of reach would be tried without a pause. */
async function releaseAfterFailure(
  server: ServerRecord,
  me: string,
  { store, clock }: { store: Store; clock: Clock },
): Promise<{ server: string; dueAt: number }> {
  const failures = (server.failures ?? 0) + 1;
  if (server.delivery) await store.endDelivery(server.server, me, server.delivery.hash, { failures });
  const dueAt = nextTry(failures, clock.now());
  let { wanted } = server;
  while (!(await store.releaseServer(server.server, me, wanted, dueAt)))
    wanted = (await store.renewServer(server.server, me, clock.now())).wanted;
  return { server: server.server, dueAt };
}

/** @returns when the server is due again, or undefined when it waits for nothing @throws SealpostError MoreWork */
async function nextRound(
  server: ServerRecord,
  rounds: number,
  { store, clock }: { store: Store; clock: Clock },
): Promise<number | undefined> {
  const now = clock.now();
  const work = await store.work(server.server, MAX_ENTRIES);
  const more = server.held === undefined && (!server.capability || work.some(one => isDeliverable(server, one, now)));
  if (more && rounds < MAX_ROUNDS)
    throw new SealpostError('MoreWork', server.server, `more waits for ${server.server}`);
  if (more) return now;
  const later = work.flatMap(one => (one.notBefore !== undefined && one.notBefore > now ? [one.notBefore] : []));
  return later.length > 0 ? Math.min(...later) : undefined;
}

/** ReleaseServer: ends the claim on a server, or begins the next round. */
import type { Clock } from '../clock.ts';
import { ended, isEnded, type Ended } from '../ended.ts';
import type { Failure } from '../errors.ts';
import { sayBefore } from '../claim/say-before.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { auditDueAt } from '../audit/audit.ts';
import { inspectionDueAt } from './inspection.ts';
import type { QuietHours } from '../work/quiet.ts';
import type { ServerRecord } from '../record/server.ts';
import { nextRipe } from '../work/waiting.ts';
import type { EventOut } from '../events/events-out.ts';
import type { Bus } from '../ports/bus.ts';
import type { ServerClaim } from '../record/claim.ts';

export interface ReleasePorts {
  store: ServerStore & DeliveryStore & WorkStore;
  bus: Bus;
  clock: Clock;
  quietHours: QuietHours;
}

/**
 * An execution's history holds 25,000 events and a round takes about 25, so after this many rounds
 * another execution continues.
 */
const MAX_ROUNDS = 50;
const MINUTE = 60_000;
/**
 * The first failure in a row may be a restart or a lost packet, so only the second one is reported.
 */
const FAILURES_TO_BE_SAID = 2;
/** From this failure in a row on a person is needed: some hours after the first. */
const FAILURES_TO_PAGE = 6;
/** The host gave no answer; a command that never came back is a time-out. */
const UNREACHABLE = ['ServerUnreachable', 'States.Timeout'];
/** A person is paged, and the delivery succeeded for all other domains. */
const ANSWERED = 'HostCertificateLost';

/**
 * @returns when the server is due again; or the end MoreWork, after which the next round begins
 * @throws SealpostError Throttled, ClaimLost
 */
export async function releaseServer(
  input: { server: string; execution: string; rounds: number; error?: Failure; isIdle?: true },
  ports: ReleasePorts,
): Promise<Released | Ended<'MoreWork'>> {
  const { store, clock } = ports;
  const claim = { server: input.server, me: input.execution, now: clock.now() };
  const server = await store.renewServer(claim);
  if (input.error) return releaseAfterFailure(server, claim, input.error, ports);
  const dueAt = await nextRound(server, input, ports);
  if (isEnded(dueAt)) return dueAt;
  if (await store.releaseServer(claim, { wanted: server.wanted, dueAt })) return released(server, dueAt);
  return moreWork(server, `work came for ${server.server} while it was released`);
}

type Released = { server: string; dueAt?: number };

function released({ server }: ServerRecord, dueAt: number | undefined): Released {
  return { server, ...(dueAt !== undefined && { dueAt }) };
}

function moreWork({ server }: ServerRecord, message: string): Ended<'MoreWork'> {
  return ended('MoreWork', { about: server, message });
}

/**
 * The first failure in a row is followed by another round at once: a server that restarted during
 * the command has lost what was downloaded, since keys lie in memory there, and is back when SSM
 * says so. After later failures new work waits for the next try, too; otherwise a server out of
 * reach would be tried without a pause. A held server waits for a person, so it has no next try.
 */
async function releaseAfterFailure(
  server: ServerRecord,
  claim: ServerClaim,
  error: Failure,
  { store, bus, clock }: ReleasePorts,
): Promise<Released | Ended<'MoreWork'>> {
  const failures = error.name === ANSWERED ? 0 : (server.failures ?? 0) + 1;
  if (failures === 1 && error.name === 'ServerUnreachable' && server.delivery && server.held === undefined) {
    await store.endDelivery(claim, { hash: server.delivery.hash, changes: { failures } });
    return moreWork(server, `${server.server} came to nothing once, and is tried once more`);
  }
  const dueAt = server.held === undefined ? clock.now() + patience(Math.max(failures, 1)) : undefined;
  const isKnown = failures > 0 && server.paged === true;
  const isPage = failures >= FAILURES_TO_PAGE && !isKnown;
  const isSaid = isPage || (failures >= FAILURES_TO_BE_SAID && UNREACHABLE.includes(error.name));
  const facts =
    isSaid && dueAt !== undefined ? [unreachable(server, { failures, error: error.name, dueAt, isPage })] : [];
  const paged = isKnown || isPage;
  await sayBefore(facts, bus, async () => {
    if (server.delivery) await store.endDelivery(claim, { hash: server.delivery.hash, changes: {} });
    let { wanted } = server;
    while (!(await store.releaseServer(claim, { wanted, dueAt, failures, paged })))
      wanted = (await store.renewServer({ ...claim, now: clock.now() })).wanted;
  });
  return released(server, dueAt);
}

function unreachable(
  { server, node }: ServerRecord,
  { failures, error, dueAt, isPage }: { failures: number; error: string; dueAt: number; isPage: boolean },
): EventOut {
  const nextTry = new Date(dueAt).toISOString();
  const detail = { server, node, failures, error, nextTry, ...(isPage && { page: true as const }) };
  return { detailType: 'Server Unreachable', detail };
}

/**
 * When a server is tried again: a minute after the first and the second failure in a row, then 10
 * minutes, then an hour. Many domains wait for a server, so the pause grows no further.
 */
function patience(failures: number): number {
  return ([1, 1, 10][failures - 1] ?? 60) * MINUTE;
}

/**
 * The clocks of two functions may differ. Something may be due by the clock here that was not due
 * by the clock of the step before. The sweep wakes the server for that, a minute later at most;
 * another round at once would find nothing again.
 * @returns when the server is due again; undefined if nothing waits for a moment; or the end
 *   MoreWork
 */
async function nextRound(
  server: ServerRecord,
  { rounds, isIdle }: { rounds: number; isIdle?: true },
  { store, clock, quietHours }: ReleasePorts,
): Promise<number | undefined | Ended<'MoreWork'>> {
  if (server.held !== undefined) return undefined;
  const now = clock.now();
  const ripeAt = server.capability ? await nextRipe(server, store, now) : now;
  const next = earliest(ripeAt, inspectionDueAt(server, quietHours), auditDueAt(server, quietHours));
  if (next !== undefined && next <= now && rounds < MAX_ROUNDS && !isIdle)
    return moreWork(server, `more waits for ${server.server}`);
  return next;
}

function earliest(...moments: (number | undefined)[]): number | undefined {
  const known = moments.filter(moment => moment !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

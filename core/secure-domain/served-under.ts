/**
 * The end of a claim on a domain that needs no certificate, since its mail is served under its
 * servers' host names.
 */
import type { Clock } from '../clock.ts';
import { SealpostError } from '../errors.ts';
import { wakeServers } from '../work/wake.ts';
import type { Store } from '../ports/store.ts';
import { importWanted } from '../acm/import-to-acm.ts';
import type { DomainRecord } from '../record/domain.ts';
import { isAcmDue, nextLook } from '../record/duties.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { leaveServers } from '../work/leave.ts';
import type { Executions } from '../ports/executions.ts';

/** A server may be able to serve by name one day, and whoever records that looks for those that hang on it; this is for what gets lost. */
const LOOK_AGAIN_MS = 30 * 86_400_000;

/** No server needs a certificate of it: what is there is removed, nothing is ordered. Ends the claim, and the execution with it. */
export async function releaseServedUnder(
  record: DomainRecord,
  me: string,
  isAsked: boolean,
  ports: { store: Store; executions: Executions; clock: Clock },
): Promise<never> {
  const { store } = ports;
  const now = ports.clock.now();
  const { domain, order, wanted, servedUnder = [] } = record;
  if (order) await store.forgetOrder(domain, me, order.url);
  const left = await leaveServers(domain, ports);
  await wakeServers(left, ports);
  if (isAcmDue(record, now, isAsked)) throw importWanted(domain);
  const dueAt = nextLook(record, now + LOOK_AGAIN_MS, now);
  if (!(await store.releaseDomain(domain, me, wanted, dueAt, now))) await reEvaluate(domain, ports);
  const under = servedUnder.map(({ server }) => server).join(' and ');
  throw new SealpostError('ServedUnderServer', domain, `${domain} is served under ${under}; nothing is ordered for it`);
}

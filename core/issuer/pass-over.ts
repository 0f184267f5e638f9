/**
 * An issuer that failed for a reason of its own is passed over for a while. If the domain may have
 * another issuer that is in no trouble, that issuer is asked at once.
 */
import type { Issuer } from '../acme/issuer.ts';
import type { OrderState } from '../acme/order.ts';
import { isSealpostError } from '../errors.ts';
import { sayBefore } from '../claim/say-before.ts';
import type { Bus } from '../ports/bus.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { DomainRecord } from '../record/domain.ts';
import type { Parked } from '../record/parked.ts';
import { isInTrouble, isToBeSaid, issuersOwn, troubleAfter, type Trouble } from '../record/trouble.ts';
import { avoidedUntil, candidates } from './choose-issuer.ts';

/** What the failed state had of the plan. */
export interface FailedAtIssuer {
  execution: string;
  issuer?: string;
  isLastResort?: boolean;
  order?: Pick<OrderState, 'status'>;
  until?: string;
}

interface Ports {
  store: Pick<IssuerStore, 'readIssuer' | 'recordTrouble'>;
  bus: Bus;
  issuers: Issuer[];
}

type Failure = Pick<Parked, 'reason' | 'message'> & { retryAt?: number };

const HOUR = 3_600_000;

/**
 * @returns `passes`: the issuers that this domain passes over from now on. `next`: another issuer
 *   is to be asked at once. `again`: when another issuer can be asked, if that is later than now.
 *   `isOfIssuer`: the issuer fails for all domains
 */
export async function passOver(
  failed: FailedAtIssuer,
  failure: Failure,
  { record, now }: { record: DomainRecord; now: number },
  ports: Ports,
): Promise<{ passes?: Parked['passes']; next: boolean; again?: number; isOfIssuer: boolean }> {
  const known = Object.entries(record.parked?.passes ?? {}).filter(([, until]) => until > now);
  const issuer = ports.issuers.find(({ name }) => name === failed.issuer);
  const until = issuer && (await troubleUntil(issuer, failure, { by: failed.execution, now }, ports));
  const passes = { ...Object.fromEntries(known), ...(until !== undefined && { [issuer!.name]: until }) };
  const again = until === undefined ? undefined : await anotherAt(issuer!, passes, record, ports);
  const isNext = again !== undefined && again <= now && !failed.isLastResort && !mayBeIssued(failed);
  return {
    ...(Object.keys(passes).length > 0 && { passes }),
    next: isNext,
    isOfIssuer: until !== undefined && issuersOwn.includes(failure.reason),
    ...(again !== undefined && again > now && { again }),
  };
}

/**
 * @returns until when other issuers come first; undefined if the domain, not the issuer, is the
 *   reason
 */
async function troubleUntil(
  issuer: Issuer,
  failure: Failure,
  step: { by: string; now: number },
  ports: Ports,
): Promise<number | undefined> {
  const { store } = ports;
  const { now } = step;
  if (failure.reason === 'AcmeRateLimited') return failure.retryAt ?? now + HOUR;
  if (!issuersOwn.includes(failure.reason)) return undefined;
  const { name, directoryUrl } = issuer;
  const { trouble: known } = (await store.readIssuer(directoryUrl)) ?? {};
  if (known && isInTrouble(known, now)) {
    if (isToBeSaid(known, step)) await say(known, directoryUrl, ports);
    return known.until;
  }
  const trouble = { ...troubleAfter(known, { ...failure, issuer: name, now }), unsaid: { by: step.by, at: now } };
  // Of many domains that fail at once, the one whose write succeeds puts the fact on the bus. The
  // record says that this is still to be done, so that a retry of a killed step does it.
  if (await store.recordTrouble(directoryUrl, { trouble, known })) await say(trouble, directoryUrl, ports);
  return trouble.until;
}

async function say(trouble: Trouble, directoryUrl: string, { store, bus }: Ports): Promise<void> {
  const { unsaid: _, ...said } = trouble;
  const { issuer, reason, message, failures, until } = said;
  const detail = { issuer, reason, message, failures, until: new Date(until).toISOString() };
  await sayBefore([{ detailType: 'Issuer In Trouble', detail }], bus, () =>
    store.recordTrouble(directoryUrl, { trouble: said, known: trouble }),
  );
}

/**
 * After FinalizeOrder the CA may have issued, and only its answer was lost. The order is read once
 * more before another CA issues for the same names.
 */
function mayBeIssued({ order, until }: FailedAtIssuer): boolean {
  return order !== undefined && order.status !== 'pending' && until === undefined;
}

/**
 * @returns when another issuer that the domain may have is in no trouble; undefined without such an
 *   issuer
 */
async function anotherAt(
  failed: Issuer,
  passes: Parked['passes'],
  record: DomainRecord,
  { issuers, store }: Ports,
): Promise<number | undefined> {
  if (!record.spec) return undefined;
  try {
    const others = candidates(issuers, record.spec, record).filter(issuer => issuer !== failed);
    return others.length > 0 ? Math.min(...(await avoidedUntil(others, passes, store))) : undefined;
  } catch (error) {
    if (isSealpostError(error, 'IssuerUnusable')) return undefined;
    throw error;
  }
}

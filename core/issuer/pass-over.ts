/** An issuer that failed for a reason of its own is passed over for a while, and the next one is asked at once, where there is one. */
import type { Issuer } from '../acme/issuer.ts';
import type { OrderState } from '../acme/order.ts';
import { isInTrouble, issuersOwn, troubleAfter } from '../record/trouble.ts';
import type { Clock } from '../clock.ts';
import { isSealpostError } from '../errors.ts';
import type { Store } from '../ports/store.ts';
import { avoidedUntil, candidates } from './choose-issuer.ts';
import type { DomainRecord } from '../record/domain.ts';
import type { Parked } from '../record/parked.ts';
import type { Bus } from '../ports/bus.ts';

/** What the state that failed had of the plan. */
export interface FailedAtIssuer {
  issuer?: string;
  isLastResort?: boolean;
  order?: Pick<OrderState, 'status'>;
  until?: string;
}

interface Ports {
  store: Store;
  bus: Bus;
  clock: Clock;
  issuers: Issuer[];
}

type Failure = Pick<Parked, 'reason' | 'message'> & { retryAt?: number };

const HOUR = 3_600_000;

/** @returns the issuers that this domain passes over from now on, whether another one can be asked at once, and else when it can */
export async function passOver(
  failed: FailedAtIssuer,
  failure: Failure,
  record: DomainRecord,
  ports: Ports,
): Promise<{ passes?: Parked['passes']; next: boolean; again?: number }> {
  const now = ports.clock.now();
  const known = Object.entries(record.parked?.passes ?? {}).filter(([, until]) => until > now);
  const issuer = ports.issuers.find(({ name }) => name === failed.issuer);
  const until = issuer && (await troubleUntil(issuer, failure, ports));
  const passes = { ...Object.fromEntries(known), ...(until !== undefined && { [issuer!.name]: until }) };
  const again = until === undefined ? undefined : await anotherAt(issuer!, passes, record, ports);
  const isNext = again !== undefined && again <= now && !failed.isLastResort && !mayBeIssued(failed);
  return {
    ...(Object.keys(passes).length > 0 && { passes }),
    next: isNext,
    ...(again !== undefined && again > now && { again }),
  };
}

/** @returns until when others come first; undefined where the fault is the domain's */
async function troubleUntil(issuer: Issuer, failure: Failure, ports: Ports): Promise<number | undefined> {
  const now = ports.clock.now();
  if (failure.reason === 'AcmeRateLimited') return failure.retryAt ?? now + HOUR;
  if (!issuersOwn.includes(failure.reason)) return undefined;
  const { store, bus } = ports;
  const { name, directoryUrl } = issuer;
  const { trouble: known } = (await store.readIssuer(directoryUrl)) ?? {};
  if (known && isInTrouble(known, now)) return known.until;
  const trouble = troubleAfter(known, { ...failure, issuer: name, now });
  // Whoever was faster has said so.
  if (await store.recordTrouble(directoryUrl, trouble, known)) {
    const { reason, message, failures, until } = trouble;
    const detail = { issuer: name, reason, message, failures, until: new Date(until).toISOString() };
    await bus.put([{ detailType: 'Issuer In Trouble', detail }]);
  }
  return trouble.until;
}

/** In FinalizeOrder the request may have been heard, and only its answer lost: the order is read once more before another CA issues for the same need. */
function mayBeIssued({ order, until }: FailedAtIssuer): boolean {
  return order !== undefined && order.status !== 'pending' && until === undefined;
}

/** When another issuer that the domain may have is in no trouble. */
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

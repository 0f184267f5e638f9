/** An issuer's limits on new orders: a domain has one place in each at a time, and takes the narrow ones first, so that none of the wide ones' waits unused. */
import { createHash } from 'node:crypto';
import { parse as parseSuffix } from 'tldts';
import type { Issuer } from '../acme/issuer.ts';
import { rateOf, showLimit, type Limits } from '../record/limits.ts';
import { isUrgent } from '../certificate/renewal.ts';
import { SealpostError } from '../errors.ts';
import type { Store } from '../ports/store.ts';
import type { DomainRecord, Reservation } from '../record/domain.ts';

type Per = keyof Limits;

/** What a place is asked for. */
export interface Asked {
  record: DomainRecord;
  /** The execution that has the domain. */
  me: string;
  names: string[];
  now: number;
  /** A later place is not taken: another issuer may have an earlier one. */
  latest: number;
}

/** What keeps a domain waiting. */
export interface Wait {
  per: Per;
  /** When its order may be made; where that is after `latest`, nothing was reserved. */
  until: number;
}

const NARROW_FIRST: Per[] = ['exactSet', 'registeredDomain', 'account'];
/** The CA's mean rate, and a tenth of the burst left to people and other programs. */
const NARROW = { rate: 1, burst: 0.9 };
/** Of all orders of the account a tenth is for certificates that are revoked, expired or nearly so: never behind ten thousand new domains. */
export const COMMON = { rate: 0.9, burst: 0.8 };
const URGENT = { rate: 0.1, burst: 0.1 };

/** @returns undefined once the domain has its place in each limit, and its time has come */
export async function reservePlaces(
  issuer: Issuer,
  asked: Asked,
  store: Pick<Store, 'reserveOrder' | 'recordReservation'>,
): Promise<Wait | undefined> {
  const { record, me, names, now, latest } = asked;
  const hash = setOf(names);
  const known = record.reserved?.[issuer.name];
  const { exactSet, ...others } = known?.places ?? {};
  // A place in the limit on one set of names is of no use to another.
  const places = { ...others, ...(known?.set === hash && exactSet !== undefined && { exactSet }) };
  for (const per of NARROW_FIRST) {
    if (!issuer.limits[per]) continue;
    let until = places[per];
    if (until === undefined) {
      until = await reserve(issuer, per, asked, store);
      if (until > latest) return { per, until };
      places[per] = until;
      record.reserved = { ...record.reserved, [issuer.name]: { set: hash, places: { ...places } } };
      await store.recordReservation(record.domain, me, record.reserved);
    }
    if (until > now) return { per, until };
  }
  return undefined;
}

async function reserve(
  { directoryUrl, limits }: Issuer,
  per: Per,
  { record: { domain, current }, names, now, latest }: Asked,
  store: Pick<Store, 'reserveOrder'>,
): Promise<number> {
  const limit = limits[per]!;
  const budget = { account: directoryUrl, registeredDomain: registered(domain), exactSet: setOf(names) }[per];
  const place = (name: string, { intervalMs, horizonMs }: ReturnType<typeof rateOf>, before: number) =>
    store.reserveOrder(name, intervalMs, horizonMs, now, before);
  if (per !== 'account') return place(`${directoryUrl} ${per} ${budget}`, rateOf(limit, NARROW), latest);
  if (current && !current.staging && isUrgent(now, current)) {
    const at = await place(`${budget} urgent`, rateOf(limit, URGENT), now);
    if (at <= now) return at;
  }
  return place(budget, rateOf(limit, COMMON), latest);
}

/** An order was made, so its place among the account's is used. The narrow limits count certificates: those stay until there is one. */
export function withoutOrder(reserved: Reservation | undefined, issuer: string): Reservation | undefined {
  const { [issuer]: known, ...others } = reserved ?? {};
  if (!known) return reserved;
  const { account: _, ...places } = known.places;
  const left = { ...others, ...(Object.keys(places).length > 0 && { [issuer]: { ...known, places } }) };
  return Object.keys(left).length > 0 ? left : undefined;
}

export function budgetSpent({ name, limits }: Issuer, { record: { domain }, names }: Asked, wait: Wait): SealpostError {
  const limit = limits[wait.per]!;
  const what = {
    account: 'new orders of our account',
    registeredDomain: `certificates under ${registered(domain)}`,
    exactSet: `certificates for exactly ${names.join(', ')}`,
  }[wait.per];
  const source = limit.source === undefined ? '' : ` (${limit.source})`;
  return new SealpostError(
    'BudgetSpent',
    domain,
    `${name}'s limit is reached: ${showLimit(limit)} ${what}${source}; ${domain} waits for its slot`,
    { retryAt: wait.until },
  );
}

/** eTLD+1 as CAs count it: the Public Suffix List with its private section, so that the customers of a hoster are told apart. */
function registered(domain: string): string {
  return parseSuffix(domain, { allowPrivateDomains: true }).domain ?? domain;
}

/** Whatever the order of the names. */
function setOf(names: string[]): string {
  return createHash('sha256')
    .update([...names].sort().join(','))
    .digest('hex')
    .slice(0, 32);
}

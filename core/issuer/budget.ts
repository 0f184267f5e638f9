/**
 * An issuer's limits on new orders. For each limit there is a budget, and a domain has one slot in
 * each budget at a time. A domain takes the slots of the narrow limits first, so that no slot of
 * the account's budget waits unused.
 */
import { createHash } from 'node:crypto';
import { parse as parseSuffix } from 'tldts';
import type { Issuer } from '../acme/issuer.ts';
import { isUrgent } from '../certificate/renewal.ts';
import { SealpostError } from '../errors.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord, Reservation } from '../record/domain.ts';
import { rateOf, showLimit, type Limits } from '../record/limits.ts';

type Per = keyof Limits;

/** For whom a slot is asked. */
export interface Asked {
  claim: Claim;
  record: DomainRecord;
  names: string[];
  /** A slot after this moment is not taken: another issuer may have an earlier one. */
  latest: number;
}

/** What a domain waits for. */
export interface Wait {
  per: Per;
  /** When the order may be made. If that is after `latest`, no slot was reserved. */
  until: number;
}

const NARROW_FIRST: Per[] = ['exactSet', 'registeredDomain', 'account'];
/** The CA's mean rate; a tenth of the burst is left to people and to other programs. */
const NARROW = { rate: 1, burst: 0.9 };
/**
 * A tenth of the account's orders is for certificates that are revoked, expired or nearly expired,
 * so that they never wait behind ten thousand new domains.
 */
export const COMMON = { rate: 0.9, burst: 0.8 };
const URGENT = { rate: 0.1, burst: 0.1 };

/**
 * Reserves a slot in each budget of the issuer.
 * @returns the slots on record from now on; and what the domain waits for, if its moment has not
 *   come yet
 * @throws SealpostError ClaimLost, Throttled
 */
export async function reservePlaces(
  issuer: Issuer,
  asked: Asked,
  store: Pick<IssuerStore, 'reserveOrder'> & Pick<ClaimStore, 'recordReservation'>,
): Promise<{ reserved: DomainRecord['reserved']; wait?: Wait }> {
  const { claim, record, names, latest } = asked;
  const set = setOf(names);
  let { reserved } = record;
  const known = reserved?.[issuer.name];
  const { exactSet, ...others } = known?.places ?? {};
  // A slot in the budget of one set of names is of no use to another set.
  let places = { ...others, ...(known?.set === set && exactSet !== undefined && { exactSet }) };
  for (const per of NARROW_FIRST) {
    if (!issuer.limits[per]) continue;
    const before = places[per];
    const until: number =
      (await sooner(issuer, per, asked, store)) ?? before ?? (await reserve(issuer, per, asked, store));
    if (until !== before) {
      if (until > latest) return { reserved, wait: { per, until } };
      places = { ...places, [per]: until };
      reserved = { ...reserved, [issuer.name]: { set, places } };
      await store.recordReservation(claim, reserved);
    }
    if (until > claim.now) return { reserved, wait: { per, until } };
  }
  return { reserved };
}

/**
 * A slot of the reserved tenth, now, for a certificate that is near its end. Its own slot may have
 * been reserved in good time, and lie after that end by now.
 */
async function sooner(
  { name, directoryUrl, limits }: Issuer,
  per: Per,
  { claim, record }: Asked,
  store: Pick<IssuerStore, 'reserveOrder'>,
): Promise<number | undefined> {
  const { now } = claim;
  const { current, reserved } = record;
  const isNow = (reserved?.[name]?.places[per] ?? Infinity) <= now;
  if (per !== 'account' || isNow || !current || current.staging || !isUrgent(now, current)) return undefined;
  const at = await store.reserveOrder(`${directoryUrl} urgent`, { ...rateOf(limits[per]!, URGENT), now, latest: now });
  return at <= now ? at : undefined;
}

async function reserve(
  { directoryUrl, limits }: Issuer,
  per: Per,
  { claim, names, latest }: Asked,
  store: Pick<IssuerStore, 'reserveOrder'>,
): Promise<number> {
  const { domain, now } = claim;
  const limit = limits[per]!;
  const slot = (budget: string, rate: ReturnType<typeof rateOf>, before: number) =>
    store.reserveOrder(budget, { ...rate, now, latest: before });
  if (per === 'registeredDomain')
    return slot(`${directoryUrl} registeredDomain ${registered(domain)}`, rateOf(limit, NARROW), latest);
  if (per === 'exactSet') return slot(`${directoryUrl} exactSet ${setOf(names)}`, rateOf(limit, NARROW), latest);
  return slot(directoryUrl, rateOf(limit, COMMON), latest);
}

/**
 * @returns the slots without the account's at this issuer, which an order has used. The narrow
 *   limits count certificates, so their slots stay until there is a certificate.
 */
export function withoutOrder(reserved: Reservation | undefined, issuer: string): Reservation | undefined {
  const { [issuer]: known, ...others } = reserved ?? {};
  if (!known) return reserved;
  const { account: _, ...places } = known.places;
  const left = { ...others, ...(Object.keys(places).length > 0 && { [issuer]: { ...known, places } }) };
  return Object.keys(left).length > 0 ? left : undefined;
}

export function budgetSpent({ name, limits }: Issuer, { claim, names }: Asked, wait: Wait): SealpostError {
  const { domain } = claim;
  const limit = limits[wait.per]!;
  const what = {
    account: 'new orders of our account',
    registeredDomain: `certificates under ${registered(domain)}`,
    exactSet: `certificates for exactly ${names.join(', ')}`,
  }[wait.per];
  const source = limit.source === undefined ? '' : ` (${limit.source})`;
  return new SealpostError('BudgetSpent', {
    about: domain,
    message: `${name}'s limit is reached: ${showLimit(limit)} ${what}${source}; ${domain} waits for its slot`,
    retryAt: wait.until,
  });
}

/**
 * eTLD+1 as CAs count it: by the Public Suffix List with its private section, so that the customers
 * of a hosting provider's domain have a budget each.
 */
function registered(domain: string): string {
  return parseSuffix(domain, { allowPrivateDomains: true }).domain ?? domain;
}

/** The same for the same names in any order. */
function setOf(names: string[]): string {
  return createHash('sha256')
    .update([...names].sort().join(','))
    .digest('hex')
    .slice(0, 32);
}

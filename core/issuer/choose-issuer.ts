/**
 * Which issuer a domain's next certificate comes from: the first in order that may issue and can
 * (docs/decisions/0014-issuers-in-order.md).
 */
import type { Issuer } from '../acme/issuer.ts';
import type { Directory } from '../acme/answers.ts';
import type { Clock } from '../clock.ts';
import type { Dns } from '../dns/authoritative.ts';
import { checkCaa, lookUpCaa, type CaaFound } from '../dns/caa.ts';
import { isSealpostError, SealpostError, type ErrorName } from '../errors.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { Claim } from '../record/claim.ts';
import { budgetSpent, reservePlaces } from './budget.ts';
import type { DomainRecord, Wish } from '../record/domain.ts';
import type { Parked } from '../record/parked.ts';

export interface ChoicePorts {
  store: Pick<ClaimStore, 'forgetOrder' | 'recordReservation'> & Pick<IssuerStore, 'readIssuer' | 'reserveOrder'>;
  dns: Dns;
  clock: Clock;
  /** In order. */
  issuers: Issuer[];
  /**
   * @returns the metadata of an issuer's directory (RFC 8555 §7.1.1)
   * @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected
   */
  directoryOf: (issuer: Issuer) => Promise<NonNullable<Directory['meta']>>;
}

export interface Choice {
  issuer: Issuer;
  /**
   * Every issuer without a trouble was tried before this one: if this one fails, no other is left.
   */
  isLastResort: boolean;
}

/**
 * The issuers that a domain may have, in order: the issuer that its wish names; else the trusted
 * issuers; else, for a trial, the staging issuers. A staging issuer never replaces a trusted
 * certificate.
 * @throws SealpostError IssuerUnusable
 */
export function candidates(issuers: Issuer[], wish: Wish, { current }: Pick<DomainRecord, 'current'>): Issuer[] {
  const trusted = issuers.filter(issuer => !issuer.staging);
  const named = issuers.filter(({ name }) => name === wish.issuer);
  const found = wish.issuer !== undefined ? named : trusted.length > 0 ? trusted : issuers;
  const unusable = (why: string) => new SealpostError('IssuerUnusable', { about: wish.domain, message: why });
  if (found.length === 0)
    throw unusable(
      `${wish.domain} wants the issuer ${wish.issuer}, which is not in the setting Issuers any more (${namesOf(issuers)} are); put Domain Changed with another, or configure it`,
    );
  if (current && !current.staging && found.every(issuer => issuer.staging))
    throw unusable(
      `${wish.domain} has a trusted certificate, which one of ${namesOf(found)} must not replace: it is a staging issuer; put a trusted one into the setting Issuers`,
    );
  return found;
}

export function namesOf(issuers: Issuer[]): string {
  return issuers.map(({ name }) => name).join(', ');
}

/**
 * The current certificate has another profile or issuer than the wish names, or a staging issuer
 * issued it and a trusted issuer is configured by now.
 */
export function isUnlikeWish(issuers: Issuer[], wish: Wish, { current }: Pick<DomainRecord, 'current'>): boolean {
  if (!current) return false;
  if (current.profile !== wish.profile) return true;
  if (wish.issuer !== undefined)
    return current.issuer !== wish.issuer && issuers.some(({ name }) => name === wish.issuer);
  return current.staging === true && issuers.some(issuer => !issuer.staging);
}

/**
 * Issuers in trouble, with every domain or with this one, come last, so that they are tried only
 * after all others.
 */
async function inOrder(
  found: Issuer[],
  { parked }: Pick<DomainRecord, 'parked'>,
  store: Pick<IssuerStore, 'readIssuer'>,
  now: number,
): Promise<Choice[]> {
  if (found.length === 1) return [{ issuer: found[0]!, isLastResort: true }];
  const avoided = await avoidedUntil(found, parked?.passes, store);
  const choices = found.map((issuer, i) => ({ issuer, isLastResort: avoided[i]! > now }));
  return [...choices.filter(one => !one.isLastResort), ...choices.filter(one => one.isLastResort)];
}

/**
 * @returns for each issuer the moment until which other issuers come before it; 0 without a trouble
 */
export async function avoidedUntil(
  found: Issuer[],
  passes: Parked['passes'] = {},
  store: Pick<IssuerStore, 'readIssuer'>,
): Promise<number[]> {
  const records = await Promise.all(found.map(({ directoryUrl }) => store.readIssuer(directoryUrl)));
  return found.map(({ name }, i) => Math.max(passes[name] ?? 0, records[i]?.trouble?.until ?? 0));
}

/** Errors of one issuer after which the next issuer is tried. */
const PASSING: readonly ErrorName[] = ['AcmeUnavailable', 'AcmeRateLimited'];
const NEXT: readonly ErrorName[] = [...PASSING, 'CaaForbids', 'AcmeRejected'];
/** A wait for a slot that is no reason to order from another CA. */
const SHORT_MS = 3_600_000;

/** What an issuer is chosen for. */
export interface Wanted {
  claim: Claim;
  record: DomainRecord;
  wish: Wish;
  names: string[];
}

/**
 * Chooses the issuer of the order on record; else the first issuer that may issue, is suitable, and
 * has a slot within the hour. If no issuer has one, the issuer with the earliest slot is chosen.
 * @throws SealpostError BudgetSpent with the moment of the domain's slot; else, where no issuer is
 *   suitable, the error of the first issuer, an error that passes by itself before others
 */
export async function chooseIssuer(wanted: Wanted, ports: ChoicePorts): Promise<Choice> {
  const { claim, record, wish, names } = wanted;
  const { store } = ports;
  const { now } = claim;
  const found = candidates(ports.issuers, wish, record);
  const ordering = found.find(({ name }) => name === record.order?.issuer);
  const forget = () => record.order && store.forgetOrder(claim, record.order);
  if (!ordering) await forget();
  const others = found.filter(issuer => issuer !== ordering);
  const choices = [
    ...(ordering ? [{ issuer: ordering, isLastResort: false }] : []),
    ...(others.length > 0 ? await inOrder(others, record, store, now) : []),
  ];
  const caa = await lookUpCaa(ports.dns, names);
  const refusals: SealpostError[] = [];
  let { reserved } = record;
  const slotAt = async (issuer: Issuer, latest: number) => {
    const asked = { claim, record: { ...record, reserved }, names, latest };
    const slot = await reservePlaces(issuer, asked, store);
    reserved = slot.reserved;
    if (slot.wait && slot.wait.until <= latest) throw budgetSpent(issuer, asked, slot.wait);
    return slot.wait?.until;
  };
  let earliest: { choice: Choice; until: number } | undefined;
  for (const choice of choices) {
    const { issuer } = choice;
    try {
      await requireSuitable(issuer, await ports.directoryOf(issuer), { ...wish, caa }, store);
    } catch (error) {
      if (!isSealpostError(error) || !NEXT.includes(error.name)) throw error;
      // The order may have been fulfilled. It is read once more, after the domain was parked,
      // before another CA gets an order.
      if (issuer === ordering && !(PASSING.includes(error.name) && record.parked)) throw error;
      refusals.push(error);
      continue;
    }
    if (issuer === ordering) return choice;
    if (ordering) await forget();
    if (replacedAt(issuer, record, names) !== undefined) return choice;
    const until = await slotAt(issuer, choices.length > 1 ? now + SHORT_MS : Infinity);
    if (until === undefined) return choice;
    if (!earliest || until < earliest.until) earliest = { choice, until };
  }
  const passing = refusals.find(({ name }) => PASSING.includes(name));
  if (!earliest || passing) throw passing ?? refusals[0]!;
  await slotAt(earliest.choice.issuer, Infinity);
  return earliest.choice;
}

/**
 * Only the CA that issued a certificate understands ARI's `replaces`, and only if the order has a
 * name in common with that certificate. That CA counts such an order towards no limit (RFC 9773
 * §5).
 * @returns the ARI identifier for `replaces`, if this issuer takes it
 */
export function replacedAt({ name }: Issuer, { current }: DomainRecord, names: string[]): string | undefined {
  const isAnother = current?.issuer !== name || !names.some(one => current.names.includes(one));
  return isAnother ? undefined : current.ariId;
}

/**
 * Requires that CAA allows the issuer, and that its directory has the profile that is wished.
 * @throws SealpostError CaaForbids, AcmeRejected
 */
async function requireSuitable(
  { name, directoryUrl }: Issuer,
  { caaIdentities = [], profiles = {} }: NonNullable<Directory['meta']>,
  wished: { domain: string; profile?: string; caa: CaaFound },
  store: Pick<IssuerStore, 'readIssuer'>,
): Promise<void> {
  const accountUrl = async () => (await store.readIssuer(directoryUrl))?.accountUrl;
  await checkCaa(wished.caa, { identities: caaIdentities, accountUrl });
  if (wished.profile === undefined || Object.hasOwn(profiles, wished.profile)) return;
  const has = Object.keys(profiles).join(', ') || 'none';
  throw new SealpostError('AcmeRejected', {
    about: wished.domain,
    message: `${name} has no profile ${wished.profile} (it has ${has}); put Domain Changed with one of these, or without`,
  });
}

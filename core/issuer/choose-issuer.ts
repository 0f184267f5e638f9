/** Which issuer a domain's next certificate comes from: the first in order that may and can. See docs/decisions on issuers in order. */
import type { Issuer } from '../acme/issuer.ts';
import type { Directory } from '../acme/transport.ts';
import type { Clock } from '../clock.ts';
import type { Dns } from '../dns/authoritative.ts';
import { checkCaa, lookAtCaa, type CaaLook } from '../dns/caa.ts';
import { isSealpostError, SealpostError, type ErrorName } from '../errors.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import type { Store } from '../ports/store.ts';
import { budgetSpent, reservePlaces } from './budget.ts';
import type { DomainRecord, Wish } from '../record/domain.ts';
import type { Parked } from '../record/parked.ts';

export interface ChoicePorts {
  store: Store;
  dns: Dns;
  clock: Clock;
  /** In order. */
  issuers: Issuer[];
  /** What an issuer's directory says of it. @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected */
  directoryOf: (issuer: Issuer) => Promise<NonNullable<Directory['meta']>>;
}

export interface Choice {
  issuer: Issuer;
  /** All that are in no trouble were looked at before: should this one fail, too, there is no next. */
  isLastResort: boolean;
}

/**
 * The issuers that a domain may have, in order: the one that its wish names; else the trusted ones; else, for a trial, the
 * staging ones, which never follow a certificate that is trusted.
 * @throws SealpostError IssuerUnusable
 */
export function candidates(issuers: Issuer[], wish: Wish, { current }: Pick<DomainRecord, 'current'>): Issuer[] {
  const trusted = issuers.filter(issuer => !issuer.staging);
  const named = issuers.filter(({ name }) => name === wish.issuer);
  const found = wish.issuer !== undefined ? named : trusted.length > 0 ? trusted : issuers;
  const unusable = (why: string) => new SealpostError('IssuerUnusable', wish.domain, why);
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

/** The certificate has another profile or another issuer than the wish names, or came from a staging one though a trusted one is there by now. */
export function isUnlikeWish(issuers: Issuer[], wish: Wish, { current }: Pick<DomainRecord, 'current'>): boolean {
  if (!current) return false;
  if (current.profile !== wish.profile) return true;
  if (wish.issuer !== undefined)
    return current.issuer !== wish.issuer && issuers.some(({ name }) => name === wish.issuer);
  return current.staging === true && issuers.some(issuer => !issuer.staging);
}

/** Those that are in trouble, as a whole or with this domain, come last: asked only where no other one will do. */
export async function inOrder(
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

/** For each issuer the moment until which others come before it; 0 where it is in no trouble. */
export async function avoidedUntil(
  found: Issuer[],
  passes: Parked['passes'] = {},
  store: Pick<IssuerStore, 'readIssuer'>,
): Promise<number[]> {
  const records = await Promise.all(found.map(({ directoryUrl }) => store.readIssuer(directoryUrl)));
  return found.map(({ name }, i) => Math.max(passes[name] ?? 0, records[i]?.trouble?.until ?? 0));
}

/** Reasons of one issuer's, after which the next one is looked at; of those that pass by themselves the domain is told first. */
const PASSING: readonly ErrorName[] = ['AcmeUnavailable', 'AcmeRateLimited'];
const NEXT: readonly ErrorName[] = [...PASSING, 'CaaForbids', 'AcmeRejected'];
/** A wait for a place in a budget that is no reason to go to another CA. */
const SHORT_MS = 3_600_000;

/**
 * The issuer of the order on record; else the first that may, can, and has room in its budget within the hour. Where none
 * has, the one that has the earliest.
 * @throws SealpostError BudgetSpent with the time of the domain's place; what the first one was refused for, where none will do
 */
export async function chooseIssuer(
  wanted: { record: DomainRecord; wish: Wish; names: string[]; me: string },
  ports: ChoicePorts,
): Promise<Choice> {
  const { record, wish } = wanted;
  const { store } = ports;
  const now = ports.clock.now();
  const found = candidates(ports.issuers, wish, record);
  const ordering = found.find(({ name }) => name === record.order?.issuer);
  const forget = () => record.order && store.forgetOrder(wish.domain, wanted.me, record.order.url);
  if (!ordering) await forget();
  const others = found.filter(issuer => issuer !== ordering);
  const choices = others.length > 0 ? await inOrder(others, record, store, now) : [];
  if (ordering) choices.unshift({ issuer: ordering, isLastResort: false });
  const caa = await lookAtCaa(ports.dns, wanted.names);
  const refusals: SealpostError[] = [];
  let earliest: { choice: Choice; until: number } | undefined;
  for (const choice of choices) {
    const { issuer } = choice;
    try {
      await requireSuitable(issuer, await ports.directoryOf(issuer), { ...wish, caa }, store);
    } catch (error) {
      if (!isSealpostError(error) || !NEXT.includes(error.name)) throw error;
      // An order that may have been issued is asked for once more, a park later, before another CA gets one.
      if (issuer === ordering && !(PASSING.includes(error.name) && record.parked)) throw error;
      refusals.push(error);
      continue;
    }
    if (issuer === ordering) return choice;
    if (ordering) await forget();
    if (replacedAt(issuer, record, wanted.names) !== undefined) return choice;
    const asked = { ...wanted, now, latest: choices.length > 1 ? now + SHORT_MS : Infinity };
    const wait = await reservePlaces(issuer, asked, store);
    if (!wait) return choice;
    if (wait.until <= asked.latest) throw budgetSpent(issuer, asked, wait);
    if (!earliest || wait.until < earliest.until) earliest = { choice, until: wait.until };
  }
  const passing = refusals.find(({ name }) => PASSING.includes(name));
  if (!earliest || passing) throw passing ?? refusals[0]!;
  const asked = { ...wanted, now, latest: Infinity };
  const wait = await reservePlaces(earliest.choice.issuer, asked, store);
  if (wait) throw budgetSpent(earliest.choice.issuer, asked, wait);
  return earliest.choice;
}

/**
 * ARI's `replaces` is understood only where the certificate comes from, and only of an order that has a name in common
 * with it; there such an order is outside the limits (RFC 9773 §5).
 */
export function replacedAt({ name }: Issuer, { current }: DomainRecord, names: string[]): string | undefined {
  const isAnother = current?.issuer !== name || !names.some(one => current.names.includes(one));
  return isAnother ? undefined : current.ariId;
}

/**
 * Whether an issuer does for the domain, by what its directory says: CAA may name it, and it has the profile that is wished.
 * @throws SealpostError CaaForbids, AcmeRejected
 */
async function requireSuitable(
  { name, directoryUrl }: Issuer,
  { caaIdentities = [], profiles = {} }: NonNullable<Directory['meta']>,
  wished: { domain: string; profile?: string; caa: CaaLook },
  store: Pick<IssuerStore, 'readIssuer'>,
): Promise<void> {
  const accountUrl = async () => (await store.readIssuer(directoryUrl))?.accountUrl;
  await checkCaa(wished.caa, { identities: caaIdentities, accountUrl });
  if (wished.profile === undefined || Object.hasOwn(profiles, wished.profile)) return;
  const has = Object.keys(profiles).join(', ') || 'none';
  throw new SealpostError(
    'AcmeRejected',
    wished.domain,
    `${name} has no profile ${wished.profile} (it has ${has}); put Domain Changed with one of these, or without`,
  );
}

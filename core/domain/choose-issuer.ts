/** Which issuer a domain's next certificate comes from: the first in order that may and can. See docs/decisions on issuers in order. */
import type { Issuer } from '../acme/issuer.ts';
import type { Directory } from '../acme/transport.ts';
import { isInTrouble } from '../acme/trouble.ts';
import { checkCaa, type CaaLook } from '../dns/caa.ts';
import { isSealpostError, SealpostError, type ErrorName } from '../errors.ts';
import type { IssuerStore } from '../store.ts';
import type { DomainRecord, Wish } from './domain.ts';

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

/** The certificate came from another issuer than the wish names, or from a staging one though a trusted one is there by now. */
export function isFromAnother(issuers: Issuer[], wish: Wish, { current }: Pick<DomainRecord, 'current'>): boolean {
  if (!current) return false;
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
  const records = await Promise.all(found.map(({ directoryUrl }) => store.readIssuer(directoryUrl)));
  const avoided = found.map(
    ({ name }, i) => (parked?.passes?.[name] ?? 0) > now || isInTrouble(records[i]?.trouble, now),
  );
  const choices = found.map((issuer, i) => ({ issuer, isLastResort: avoided[i]! }));
  return [...choices.filter(one => !one.isLastResort), ...choices.filter(one => one.isLastResort)];
}

/** Reasons of one issuer's, after which the next one is looked at. */
const NEXT: readonly ErrorName[] = ['CaaForbids', 'AcmeUnavailable', 'AcmeRateLimited', 'AcmeRejected', 'BudgetSpent'];

/**
 * @param look whether an issuer can have the domain now; it may look deeper than CAA does here
 * @throws SealpostError what the first one was refused for, where none will do
 */
export async function firstThatCan(choices: Choice[], look: (choice: Choice) => Promise<void>): Promise<Choice> {
  let refusal: unknown;
  for (const choice of choices) {
    try {
      await look(choice);
      return choice;
    } catch (error) {
      if (!isSealpostError(error) || !NEXT.includes(error.name)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/**
 * Whether an issuer does for the domain, by what its directory says: CAA may name it, and it has the profile that is wished.
 * @throws SealpostError CaaForbids, AcmeRejected
 */
export async function requireSuitable(
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

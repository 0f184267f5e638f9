/**
 * Provided certificates: bought by the provider or the customer, for a domain's mail, its webmail
 * or both. A provided certificate cannot be renewed. Before it expires, a certificate of ours takes
 * its place.
 */
import type { Work } from './server.ts';
import type { DomainRecord, ProvidedCertificate, StoredCertificate, Use } from './domain.ts';
import { servesAlone, type Capable } from './capability.ts';

const DAY = 86_400_000;

/** Days before the end at which a person is notified, once each. */
const TELL_AT_DAYS = [30, 14, 7, 1];
/**
 * Time for our order, and for a person to mend what keeps the order from succeeding. The domain's
 * DNS may not have been checked for a year.
 */
const TAKEN_OVER_BEFORE_MS = 7 * DAY;

export const uses: Use[] = ['mail', 'webmail'];
export type Provided = NonNullable<DomainRecord['provided']>;

/**
 * The certificates that a domain's servers shall serve: ours, if there is one, and the provided
 * ones, which come first for their uses.
 */
export interface Certificates {
  certificate?: StoredCertificate;
  provided?: Provided;
}

/**
 * When ours takes over: seven days before the end, or a third of the lifetime before it if that is
 * less. Milliseconds since the epoch.
 */
export function takenOverAt({ notBefore, notAfter }: Pick<StoredCertificate, 'notBefore' | 'notAfter'>): number {
  return notAfter - Math.min(TAKEN_OVER_BEFORE_MS, (notAfter - notBefore) / 3);
}

/**
 * True if nothing has to be ordered: certificates are provided for mail and webmail, neither is
 * due, and ACM wants no copy of ours.
 */
export function needsNoOrder({ spec, provided }: Pick<DomainRecord, 'spec' | 'provided'>, now: number): boolean {
  return !spec?.acm && uses.every(use => now < (provided?.[use]?.renewAt ?? 0));
}

/**
 * The certificates to serve now. A provided certificate that is due is served until ours is stored,
 * so that a failed order leaves no domain without a certificate.
 */
export function certificatesOf(
  { current, provided }: Pick<DomainRecord, 'current' | 'provided'>,
  now: number,
): Certificates {
  const hasOurs = current !== undefined && now < current.notAfter;
  const mayTakeOver = hasOurs && !current.staging;
  const isServed = ({ renewAt, notAfter }: ProvidedCertificate) => now < (mayTakeOver ? renewAt : notAfter);
  const served = pick(provided, isServed);
  // A server refuses an expired certificate, and with it all entries of the domain.
  const isAny = uses.some(use => served[use]);
  const certificate = hasOurs || !isAny ? current : undefined;
  return { ...(certificate && { certificate }), ...(isAny && { provided: served }) };
}

export function hasAny({ certificate, provided }: Certificates): boolean {
  return certificate !== undefined || provided !== undefined;
}

/** The provided certificates that this server can serve. */
export function providedOn(server: Capable, { certificate, provided }: Certificates): Provided {
  const here = pick(provided, (_, use) => servesAlone(server, use));
  // A server that can serve none of the provided certificates gets all of them, so that its answer
  // says why.
  return certificate || uses.some(use => here[use]) ? here : (provided ?? {});
}

/** When the first of the served certificates expires, milliseconds since the epoch. */
export function goodUntil({ certificate, provided }: Certificates): number {
  return Math.min(...[certificate, provided?.mail, provided?.webmail].flatMap(one => (one ? [one.notAfter] : [])));
}

/**
 * When the first certificate that is served for the domain expires, a foreign one included.
 * @returns milliseconds since the epoch; undefined if nothing is served
 */
export function servedUntil(
  record: Pick<DomainRecord, 'current' | 'provided' | 'foreign'>,
  now: number,
): number | undefined {
  const end = Math.min(goodUntil(certificatesOf(record, now)), record.foreign?.notAfter ?? Infinity);
  return Number.isFinite(end) ? end : undefined;
}

/** True if the work is for exactly these certificates. */
export function isGiven(
  work: Pick<Work, 'certificate' | 'provided'>,
  { certificate, provided }: Certificates,
): boolean {
  if (work.certificate === 'REMOVE' || work.certificate?.id !== certificate?.id) return false;
  return uses.every(use => work.provided?.[use]?.id === provided?.[use]?.id);
}

/**
 * The notification that is due, in days before the end; undefined if the person was notified
 * already.
 */
export function dueMark({ notAfter, told }: ProvidedCertificate, now: number): number | undefined {
  const mark = markAt({ notAfter, now });
  return mark !== undefined && mark < (told ?? Number.POSITIVE_INFINITY) ? mark : undefined;
}

/**
 * The last notification moment that has passed, in days before the end. Undefined before the first
 * one, and for an expired certificate.
 */
export function markAt({ notAfter, now }: { notAfter: number; now: number }): number | undefined {
  return now < notAfter ? TELL_AT_DAYS.findLast(days => notAfter - days * DAY <= now) : undefined;
}

/** Ids of provided certificates that will not be served again: withdrawn, replaced or expired. */
export function overOf({ provided, elsewhere }: Pick<DomainRecord, 'provided' | 'elsewhere'>, now: number): string[] {
  const isWanted = (id: string) => uses.some(use => provided?.[use]?.id === id && now < provided[use].notAfter);
  return (elsewhere ?? []).filter(id => !isWanted(id));
}

export function idsOf(provided: Provided | undefined): string[] {
  return [...new Set(uses.flatMap(use => provided?.[use]?.id ?? []))];
}

/**
 * When a provided certificate is next due for a notification, for ours to take over, or to expire.
 */
export function nextProvidedEvaluation(provided: Provided | undefined, now: number): number {
  const times = uses.flatMap(use => {
    const one = provided?.[use];
    return one ? [one.renewAt, one.notAfter, ...TELL_AT_DAYS.map(days => one.notAfter - days * DAY)] : [];
  });
  return Math.min(...times.filter(time => time > now));
}

function pick(provided: Provided | undefined, wanted: (one: ProvidedCertificate, use: Use) => boolean): Provided {
  return Object.fromEntries(
    uses.flatMap(use => {
      const one = provided?.[use];
      return one && wanted(one, use) ? [[use, one]] : [];
    }),
  );
}

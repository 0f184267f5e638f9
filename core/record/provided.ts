/** Certificates from elsewhere: bought by the provider or the customer, for a domain's mail, its webmail or both. They cannot be renewed; before one ends, ours takes over. */
import type { Installed, Work } from './server.ts';
import type { DomainRecord, ProvidedCertificate, StoredCertificate, Use } from './domain.ts';
import { servesAlone, type Capable } from './capability.ts';

const DAY = 86_400_000;

/** Days before its end at which a person is told, each once. */
export const TELL_AT_DAYS = [30, 14, 7, 1];
/** Time for our order, and for whoever has to mend what keeps it from succeeding: nobody may have looked at the domain's DNS for a year. */
const TAKEN_OVER_BEFORE_MS = 7 * DAY;

export const uses: Use[] = ['mail', 'webmail'];
export type Provided = NonNullable<DomainRecord['provided']>;

/** What a domain's servers shall serve: ours, where there is one, and what was provided before it, for what that is for. */
export interface Certificates {
  certificate?: StoredCertificate;
  provided?: Provided;
}

/** When ours takes over: seven days before the end, or a third of the lifetime where that is less. */
export function takenOverAt({ notBefore, notAfter }: Pick<StoredCertificate, 'notBefore' | 'notAfter'>): number {
  return notAfter - Math.min(TAKEN_OVER_BEFORE_MS, (notAfter - notBefore) / 3);
}

/** Mail and webmail are both provided for, and for long enough: nothing is ordered, unless ACM shall have one of ours. */
export function needsNoOrder({ spec, provided }: Pick<DomainRecord, 'spec' | 'provided'>, now: number): boolean {
  return !spec?.acm && uses.every(use => now < (provided?.[use]?.renewAt ?? 0));
}

/** What is to be served now. One whose time is nearly over goes on until ours is there: a domain never goes dark for an order that fails. */
export function certificatesOf(
  { current, provided }: Pick<DomainRecord, 'current' | 'provided'>,
  now: number,
): Certificates {
  const hasOurs = current !== undefined && now < current.notAfter;
  const mayTakeOver = hasOurs && !current.staging;
  const isServed = ({ renewAt, notAfter }: ProvidedCertificate) => now < (mayTakeOver ? renewAt : notAfter);
  const served = pick(provided, isServed);
  // An expired one of ours beside those would be refused, and they with it.
  const isAny = uses.some(use => served[use]);
  const certificate = hasOurs || !isAny ? current : undefined;
  return { ...(certificate && { certificate }), ...(isAny && { provided: served }) };
}

export function hasAny({ certificate, provided }: Certificates): boolean {
  return certificate !== undefined || provided !== undefined;
}

/** Of what was provided: what this server can serve. */
export function providedOn(server: Capable, { certificate, provided }: Certificates): Provided {
  const here = pick(provided, (_, use) => servesAlone(server, use));
  // One that can serve none of it says so itself.
  return certificate || uses.some(use => here[use]) ? here : (provided ?? {});
}

/** When the first of what is served ends. */
export function goodUntil({ certificate, provided }: Certificates): number {
  return Math.min(...[certificate, provided?.mail, provided?.webmail].flatMap(one => (one ? [one.notAfter] : [])));
}

/** This work is just that. */
export function isGiven(
  work: Pick<Work, 'certificate' | 'provided'>,
  { certificate, provided }: Certificates,
): boolean {
  if (work.certificate === 'REMOVE' || work.certificate?.id !== certificate?.id) return false;
  return uses.every(use => work.provided?.[use]?.id === provided?.[use]?.id);
}

/** All that this server shall serve was seen there. */
export function isSeen(
  certificates: Certificates,
  server: Capable,
  installed: Pick<Installed, 'fingerprint' | 'provided'>,
): boolean {
  const here = providedOn(server, certificates);
  const isOurs = installed.fingerprint === certificates.certificate?.fingerprint;
  return isOurs && uses.every(use => installed.provided?.[use] === here[use]?.fingerprint);
}

/** The mark in days that has come and that nobody was told of. */
export function dueMark({ notAfter, told }: ProvidedCertificate, now: number): number | undefined {
  const mark = markAt({ notAfter, now });
  return mark !== undefined && mark < (told ?? Number.POSITIVE_INFINITY) ? mark : undefined;
}

/** The last mark that is past, of a certificate that has not ended. */
export function markAt({ notAfter, now }: { notAfter: number; now: number }): number | undefined {
  return now < notAfter ? TELL_AT_DAYS.findLast(days => notAfter - days * DAY <= now) : undefined;
}

/** Ids of what was provided and is served no more, whatever comes: withdrawn, replaced or past its end. */
export function overOf({ provided, elsewhere }: Pick<DomainRecord, 'provided' | 'elsewhere'>, now: number): string[] {
  const isWanted = (id: string) => uses.some(use => provided?.[use]?.id === id && now < provided[use].notAfter);
  return (elsewhere ?? []).filter(id => !isWanted(id));
}

export function idsOf(provided: Provided | undefined): string[] {
  return [...new Set(uses.flatMap(use => provided?.[use]?.id ?? []))];
}

/** When one of them next has to be looked at. */
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

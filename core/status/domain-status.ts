/** What `sealpost status` shows for a domain. */
import { planNames } from '../certificate/names.ts';
import { serversOf, type DomainRecord, type StoredCertificate, type Use } from '../record/domain.ts';
import { acmDuty } from '../record/duties.ts';
import { certificatesOf, uses, type Provided } from '../record/provided.ts';
import type { Known } from './known.ts';
import { because, unlessOverdue, type Status } from './status.ts';
import { serving, stillOn, type Serving } from './serving.ts';
import { domainState, isServedUnder } from './domain-state.ts';

const DAY = 86_400_000;

export interface DomainStatus extends Status {
  kind: 'domain';
  /** The names in the domain's certificate: the present names, or the planned names. */
  names: string[];
  certificate?: Pick<
    StoredCertificate,
    'issuer' | 'issuedBy' | 'staging' | 'notBefore' | 'notAfter' | 'renewAt' | 'fingerprint' | 'window' | 'explanation'
  > & { daysLeft: number };
  /** Provided certificates. A certificate for mail and webmail is listed once. */
  provided?: (Pick<StoredCertificate, 'issuedBy' | 'notBefore' | 'notAfter' | 'fingerprint'> & {
    for: Use[];
    takenOverAt: number;
    daysLeft: number;
  })[];
  servers: Serving[];
  /** The certificate in ACM, if the wish asks for one or ACM still has one. */
  acm?: { arn?: string; isCurrent: boolean; nextTry?: number };
}

export function domainStatus(record: DomainRecord, known: Known, now: number): DomainStatus {
  const { current, spec } = record;
  const wished = spec ? serversOf(spec) : [];
  const servers = wished.map(server => serving(server, record, known, now));
  const leaving = (record.servers ?? []).filter(server => !wished.includes(server)).flatMap(stillOn(record, known));
  const status: Status = imported({ name: record.domain, ...domainState(record, servers, now) }, record);
  const isUnder = isServedUnder(record) && !spec?.acm;
  const isOver = spec?.deleted || record.retired !== undefined || isUnder;
  const shownStatus = isOver ? status : expired(ending(status, record, now), record, now);
  return {
    kind: 'domain',
    ...unlessOverdue(shownStatus, record, now),
    names: isUnder ? [] : spec && !spec.deleted ? planNames(spec) : (current?.names ?? []),
    ...(current && { certificate: shown(current, now) }),
    ...(record.provided && { provided: shownProvided(record.provided, now) }),
    servers: [...servers, ...leaving],
    ...((spec?.acm || record.acm) && {
      acm: { arn: record.acm?.arn, isCurrent: !acmDuty(record), nextTry: record.acm?.nextTry },
    }),
  };
}

/**
 * Adds the trouble with ACM, if the domain has no other trouble: a failed import stops nothing
 * else.
 */
function imported(status: Status, record: DomainRecord): Status {
  const { trouble, nextTry } = record.acm ?? {};
  if (!trouble || !status.well) return status;
  const state = `${status.state}, ${acmDuty(record) === 'remove' ? 'still' : 'not'} in ACM`;
  const next = { what: 'ACM is asked again', at: nextTry };
  return { ...status, state, well: false, next, ...because(trouble.reason, trouble.message) };
}

function shown(current: StoredCertificate, now: number): DomainStatus['certificate'] {
  const { issuer, issuedBy, staging, notBefore, notAfter, renewAt, fingerprint, window, explanation } = current;
  return {
    ...{ issuer, issuedBy, ...(staging && { staging }) },
    ...{ notBefore, notAfter, renewAt, fingerprint, daysLeft: Math.floor((notAfter - now) / DAY) },
    ...(window && { window }),
    ...(explanation !== undefined && { explanation }),
  };
}

function shownProvided(provided: Provided, now: number): DomainStatus['provided'] {
  const certificates = new Map(
    uses.flatMap(use => (provided[use] ? [[provided[use].id, provided[use]] as const] : [])),
  );
  return [...certificates.values()].map(({ id, issuedBy, notBefore, notAfter, fingerprint, renewAt }) => ({
    for: uses.filter(use => provided[use]?.id === id),
    ...{ issuedBy, notBefore, notAfter, fingerprint, takenOverAt: renewAt },
    daysLeft: Math.floor((notAfter - now) / DAY),
  }));
}

/** Days before a provided certificate expires, from which the domain is shown as not well. */
const ENDING_DAYS = 14;

/**
 * Adds that a provided certificate expires soon: only a person can provide the next certificate.
 */
function ending(status: Status, { domain, provided = {} }: DomainRecord, now: number): Status {
  const isEnding = (use: Use) => {
    const left = (provided[use]?.notAfter ?? Number.POSITIVE_INFINITY) - now;
    return left > 0 && left < ENDING_DAYS * DAY;
  };
  const soon = uses.filter(isEnding);
  if (soon.length === 0) return status;
  const end = new Date(Math.min(...soon.map(use => provided[use]!.notAfter))).toISOString();
  const why = `The certificate provided for ${soon.join(' and ')} expires at ${end}. Sealpost cannot renew the certificate.`;
  const remedy = `Provide the next certificate (sealpost provide ${domain} …), or do nothing: sealpost then orders a certificate.`;
  return { ...status, well: false, why: [status.why, why].filter(Boolean).join(' '), remedy: status.remedy ?? remedy };
}

/** Adds that the certificate that is served has expired, whatever else the status says. */
function expired(status: Status, record: DomainRecord, now: number): Status {
  const { certificate, provided } = certificatesOf(record, now);
  const ends = uses.flatMap(use => (provided?.[use] ?? certificate ?? record.current)?.notAfter ?? []);
  if (!ends.some(end => end <= now)) return status;
  return { ...status, state: `expired, ${status.state}`, well: false };
}

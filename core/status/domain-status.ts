/** How it is with a domain. */
import { planNames } from '../certificate/names.ts';
import { serversOf, type DomainRecord, type StoredCertificate, type Use } from '../record/domain.ts';
import { acmDuty } from '../record/duties.ts';
import { certificatesOf, hasAny, isSeen, needsNoOrder, uses, type Provided } from '../record/provided.ts';
import { remedies, type ErrorName } from '../errors.ts';
import { LEASE_MS } from '../ports/lease.ts';
import type { Known, OnServer } from './known.ts';
import { serverState } from './server-status.ts';
import { because, isClaimed, unlessOverdue, type Status } from './status.ts';
import { holdersOf, typeThis } from '../record/served-under.ts';

const DAY = 86_400_000;

/** How one of its servers stands to the domain's current certificate. */
export interface Serving {
  server: string;
  state: 'installed' | 'drifted' | 'waiting' | 'refused' | 'held' | 'not registered' | 'to be removed' | 'served under';
  /** When its present certificate was last seen served there. */
  seenAt?: number;
  /** When it is offered, if not at once. */
  at?: number;
  why?: string;
  reason?: ErrorName;
}

export interface DomainStatus extends Status {
  kind: 'domain';
  /** The names that a certificate for it has, or will have. */
  names: string[];
  certificate?: Pick<
    StoredCertificate,
    'issuer' | 'issuedBy' | 'staging' | 'notBefore' | 'notAfter' | 'renewAt' | 'fingerprint' | 'window' | 'explanation'
  > & { daysLeft: number };
  /** From elsewhere, one that is for both once. */
  provided?: (Pick<StoredCertificate, 'issuedBy' | 'notBefore' | 'notAfter' | 'fingerprint'> & {
    for: Use[];
    takenOverAt: number;
    daysLeft: number;
  })[];
  servers: Serving[];
  /** Its certificate in ACM, where that is wished, or one is still there. */
  acm?: { arn?: string; isCurrent: boolean; nextTry?: number };
}

export function domainStatus(record: DomainRecord, known: Known, now: number): DomainStatus {
  const { current, spec } = record;
  const wished = spec ? serversOf(spec) : [];
  const servers = wished.map(server => serving(server, record, known, now));
  const leaving = (record.servers ?? []).filter(server => !wished.includes(server)).flatMap(stillOn(record, known));
  const status: Status = imported({ name: record.domain, ...state(record, servers, now) }, record);
  const isUnder = isServedUnder(record) && !spec?.acm;
  const isOver = spec?.deleted || record.retired !== undefined || isUnder;
  const told = isOver ? status : expired(ending(status, record, now), record, now);
  return {
    kind: 'domain',
    ...unlessOverdue(told, record, now),
    names: isUnder ? [] : spec && !spec.deleted ? planNames(spec) : (current?.names ?? []),
    ...(current && { certificate: shown(current, now) }),
    ...(record.provided && { provided: shownProvided(record.provided, now) }),
    servers: [...servers, ...leaving],
    ...((spec?.acm || record.acm) && {
      acm: { arn: record.acm?.arn, isCurrent: !acmDuty(record), nextTry: record.acm?.nextTry },
    }),
  };
}

/** What keeps ACM from having it keeps nothing else; said where nothing worse is. */
function imported(status: Status, record: DomainRecord): Status {
  const { trouble, nextTry } = record.acm ?? {};
  if (!trouble || !status.well) return status;
  const state = `${status.state}, ${acmDuty(record) === 'remove' ? 'still' : 'not'} in ACM`;
  const next = { what: 'ACM is asked again', at: nextTry };
  return { ...status, state, well: false, next, ...because(trouble.reason, trouble.message) };
}

/** No server of its wish holds a certificate of it, and that is as it shall be. */
function isServedUnder(record: DomainRecord): boolean {
  return (record.servedUnder ?? []).length > 0 && holdersOf(record).length === 0;
}

/** A server that the wish no longer names, while it has something of the domain. */
function stillOn({ domain }: DomainRecord, known: Known): (server: string) => Serving[] {
  return server => {
    const on = known.servers.get(server);
    if (!on?.record || !(on.installed.has(domain) || on.work.has(domain))) return [];
    return [{ server, state: 'to be removed', seenAt: on.installed.get(domain)?.seenAt }];
  };
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

function serving(server: string, record: DomainRecord, known: Known, now: number): Serving {
  const under = record.servedUnder?.find(one => one.server === server);
  const why = typeThis({ domain: record.domain, server });
  const on = known.servers.get(server);
  if (!under) return holding(server, record, known, now);
  if (under.webmail) {
    const held = holding(server, record, known, now);
    return { ...held, why: held.why ?? `for webmail alone; ${why}` };
  }
  if (on?.record && on.record.hostSecuredAt === undefined)
    return { server, state: 'served under', why: `${why}; but ${server} is not seen served and trusted yet` };
  return { server, state: 'served under', seenAt: on?.record?.hostSecuredAt, why };
}

/** How a server stands that shall hold the domain's certificate. */
function holding(server: string, record: DomainRecord, known: Known, now: number): Serving {
  const { domain } = record;
  const certificates = certificatesOf(record, now);
  const on = known.servers.get(server);
  if (!on?.record)
    return { server, state: 'not registered', ...told('ServerNotRegistered', 'nobody has registered it') };
  const here = on.installed.get(domain);
  const drifted = on.work.get(domain);
  if (drifted?.drift) {
    const why = drifted.reason ?? `the audit did not see it on port ${[...new Set(drifted.drift)].join(', ')}`;
    return {
      server,
      state: 'drifted',
      seenAt: here?.seenAt,
      at: drifted.notBefore,
      ...refusal(why, 'ServedCertificateMismatch'),
    };
  }
  if (here && hasAny(certificates) && isSeen(certificates, on.record, here))
    return { server, state: 'installed', seenAt: here.seenAt };
  if (on.record.held !== undefined) return { server, state: 'held', ...told('InstallBroken', on.record.held) };
  const work = on.work.get(domain);
  const at = work?.notBefore;
  if (work?.reason !== undefined) return { server, state: 'refused', at, ...refusal(work.reason) };
  if (work?.calm) return { server, state: 'waiting', seenAt: here?.seenAt, at, why: CALM };
  return { server, state: 'waiting', at, ...(server !== domain && waitingFor(on, now)) };
}

const CALM = 'renewed in good time; it goes out in the quiet hour of the server, and the old one is served until then';

/** What keeps the whole server from taking anything, if something does. */
function waitingFor({ record, work }: OnServer, now: number): Pick<Serving, 'why' | 'reason'> {
  const { why, reason } = serverState(record!, work.size, now);
  return why === undefined ? {} : { why, ...(reason && { reason }) };
}

/** As recordRefused has it: the error's name, a colon, the server's words. */
function refusal(text: string, otherwise: ErrorName = 'InstallRefused'): Pick<Serving, 'why' | 'reason'> {
  const [, name, words] = /^(\w+): (.*)$/s.exec(text) ?? [];
  return name !== undefined && Object.hasOwn(remedies, name) ? told(name as ErrorName, words!) : told(otherwise, text);
}

function told(reason: ErrorName, why: string): Pick<Serving, 'why' | 'reason'> {
  return { why, reason };
}

const PARKED: Partial<Record<ErrorName, string>> = {
  ServerNotInspected: 'waiting for server',
  ServerNotRegistered: 'waiting for server',
  BudgetSpent: 'waiting for budget',
};

function state(record: DomainRecord, servers: Serving[], now: number): Omit<Status, 'name'> {
  const { current, parked, retired } = record;
  if (isClaimed(record, now))
    return {
      state: 'in progress',
      well: true,
      since: record.leaseUntil! - LEASE_MS,
      next: { what: 'the next step; should it have died, the sweep', at: record.leaseUntil },
      ...(parked && { why: `The last try: ${parked.message}` }),
    };
  if (record.deletedAt !== undefined && parked)
    return {
      state: 'deleted, not revoked',
      well: false,
      since: record.deletedAt,
      next: { what: 'tried again', at: parked.nextTry },
      ...because(parked.reason, parked.message),
    };
  if (record.deletedAt !== undefined)
    return {
      state: record.spec?.revoke && record.revoked === current?.id ? 'deleted and revoked' : 'deleted',
      well: true,
      since: record.deletedAt,
      next: { what: record.wanted > record.done ? 'removed from its servers' : 'forgotten', at: record.dueAt },
    };
  if (retired)
    return {
      state: 'retired',
      // Nobody has to do anything, until somebody wants it back.
      well: true,
      since: retired.at,
      next: { what: record.dueAt === undefined ? 'nothing' : 'a last look', at: record.dueAt },
      why: `It has left: ${retired.message} Domain Changed, or Certificate Expiring, brings it back at once; what is served stays until it ends.`,
    };
  if (parked)
    return {
      state: PARKED[parked.reason] ?? 'parked',
      // A slot in the CA's budget comes by itself, and so does what is found on a server.
      well: parked.reason === 'BudgetSpent' || parked.reason === 'ServerNotInspected',
      since: parked.since,
      next: { what: 'tried again', at: parked.nextTry },
      ...because(parked.reason, parked.message),
    };
  if (isServedUnder(record)) {
    const under = servers.filter(one => one.state === 'served under');
    return {
      state: `served under ${under.map(one => one.server).join(' and ')}`,
      well: true,
      since: under[0]?.seenAt,
      next: { what: 'looked at again', at: record.dueAt },
      why: under.flatMap(one => one.why ?? []).join('; '),
    };
  }
  if (needsNoOrder(record, now)) {
    const all = uses.map(use => record.provided![use]!);
    const takenOverAt = Math.min(...all.map(one => one.renewAt));
    return issued(all[0]!, { what: 'taken over by one of ours', at: takenOverAt }, servers);
  }
  const { foreign } = record;
  if (!current && foreign && now < foreign.renewAt)
    return {
      state: `served with a certificate of ${foreign.issuedBy}`,
      well: true,
      since: foreign.seenAt,
      next: { what: 'ours is ordered', at: foreign.renewAt },
    };
  if (!current)
    return { state: 'accepted', well: true, since: record.specAt, next: { what: 'order', at: record.dueAt } };
  return issued(current, { what: 'renewal', at: current.renewAt }, servers);
}

function issued(current: StoredCertificate, renewal: Status['next'], servers: Serving[]): Omit<Status, 'name'> {
  const holders = servers.filter(one => one.state !== 'served under');
  const installed = holders.filter(one => one.state === 'installed');
  const seen = installed.map(one => one.seenAt!);
  if (installed.length === holders.length)
    return { state: count(installed, holders), well: true, since: Math.max(...seen), next: renewal };
  const trouble = holders.find(one => one.reason !== undefined) ?? holders.find(one => one.why !== undefined);
  const held = holders.some(one => one.state === 'held');
  return {
    state: held ? 'held' : isCalm(holders) ? 'renewed' : installed.length > 0 ? count(installed, holders) : 'issued',
    well: trouble?.reason === undefined,
    since: seen.length > 0 ? Math.max(...seen) : current.notBefore,
    next: { what: 'delivery', at: trouble?.at },
    ...(trouble?.reason !== undefined && because(trouble.reason, `${trouble.server}: ${trouble.why}`)),
    ...(trouble && trouble.reason === undefined && { why: `${trouble.server}: ${trouble.why}` }),
  };
}

/** Nothing is missing anywhere: the old certificate is served until the quiet hour. */
function isCalm(servers: Serving[]): boolean {
  return servers.every(one => one.state === 'installed' || one.why === CALM);
}

function count(installed: Serving[], servers: Serving[]): string {
  return `installed on ${installed.length} of ${servers.length}`;
}

/** Days before its end from which a provided certificate is somebody's to look after. */
const ENDING_DAYS = 14;

/** Nobody but a person can bring the next one. */
function ending(status: Status, { domain, provided = {} }: DomainRecord, now: number): Status {
  const isEnding = (use: Use) => {
    const left = (provided[use]?.notAfter ?? Number.POSITIVE_INFINITY) - now;
    return left > 0 && left < ENDING_DAYS * DAY;
  };
  const soon = uses.filter(isEnding);
  if (soon.length === 0) return status;
  const end = new Date(Math.min(...soon.map(use => provided[use]!.notAfter))).toISOString();
  const why = `The certificate provided for ${soon.join(' and ')} ends at ${end}, and cannot be renewed here.`;
  const remedy = `Provide the next one (npx sealpost provide ${domain} …), or let one of ours take its place.`;
  return { ...status, well: false, why: [status.why, why].filter(Boolean).join(' '), remedy: status.remedy ?? remedy };
}

/** Whatever else is so: nobody trusts what is served now. */
function expired(status: Status, record: DomainRecord, now: number): Status {
  const { certificate, provided } = certificatesOf(record, now);
  const ends = uses.flatMap(use => (provided?.[use] ?? certificate ?? record.current)?.notAfter ?? []);
  if (!ends.some(end => end <= now)) return status;
  return { ...status, state: `expired, ${status.state}`, well: false };
}

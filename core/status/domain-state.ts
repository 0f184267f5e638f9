/** The state of a domain, from its record and from how its servers serve it. */
import type { DomainRecord, StoredCertificate } from '../record/domain.ts';
import { needsNoOrder, uses } from '../record/provided.ts';
import type { ErrorName } from '../errors.ts';
import { LEASE_MS } from '../ports/lease.ts';
import { because, isClaimed, type Status } from './status.ts';
import { holdersOf } from '../record/served-under.ts';
import { CALM, type Serving } from './serving.ts';

const PARKED: Partial<Record<ErrorName, string>> = {
  ServerNotInspected: 'waiting for server',
  ServerNotRegistered: 'waiting for server',
  BudgetSpent: 'waiting for budget',
};

export function domainState(record: DomainRecord, servers: Serving[], now: number): Omit<Status, 'name'> {
  const { current, parked, retired } = record;
  if (isClaimed(record, now))
    return {
      state: 'in progress',
      well: true,
      since: record.leaseUntil! - LEASE_MS,
      next: { what: 'the next step, or the sweep if the execution died', at: record.leaseUntil },
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
      next: { what: record.wanted > record.done ? 'removed from its servers' : 'tombstone deleted', at: record.dueAt },
    };
  if (retired)
    return {
      state: 'retired',
      // Nothing has to be done while no sender wants the domain back.
      well: true,
      since: retired.at,
      next: { what: record.dueAt === undefined ? 'nothing' : 'last re-evaluation', at: record.dueAt },
      why: `The domain has left: ${retired.message} Domain Changed or Certificate Expiring brings the domain back at once. The certificate that is served stays until it expires.`,
    };
  if (parked)
    return {
      state: PARKED[parked.reason] ?? 'parked',
      // Nothing has to be done: a slot in the budget and an inspection come by themselves.
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
      next: { what: 're-evaluation', at: record.dueAt },
      why: under.flatMap(one => one.why ?? []).join('; '),
    };
  }
  if (needsNoOrder(record, now)) {
    const all = uses.map(use => record.provided![use]!);
    const takenOverAt = Math.min(...all.map(one => one.renewAt));
    return issued(all[0]!, { what: 'a certificate of ours takes over', at: takenOverAt }, servers);
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
  const count = `installed on ${installed.length} of ${holders.length}`;
  if (installed.length === holders.length) return { state: count, well: true, since: Math.max(...seen), next: renewal };
  const trouble = holders.find(one => one.reason !== undefined) ?? holders.find(one => one.why !== undefined);
  const held = holders.some(one => one.state === 'held');
  return {
    state: held ? 'held' : isCalm(holders) ? 'renewed' : installed.length > 0 ? count : 'issued',
    well: trouble?.reason === undefined,
    since: seen.length > 0 ? Math.max(...seen) : current.notBefore,
    next: { what: 'delivery', at: trouble?.at },
    ...(trouble?.reason !== undefined && because(trouble.reason, `${trouble.server}: ${trouble.why}`)),
    ...(trouble && trouble.reason === undefined && { why: `${trouble.server}: ${trouble.why}` }),
  };
}

/**
 * True if every server serves a valid certificate, and the new certificate waits for quiet hours
 * only.
 */
function isCalm(servers: Serving[]): boolean {
  return servers.every(one => one.state === 'installed' || one.why === CALM);
}

/** True if the plan gives no server of the wish a certificate for the domain. */
export function isServedUnder(record: DomainRecord): boolean {
  return (record.servedUnder ?? []).length > 0 && holdersOf(record).length === 0;
}

/** How it is with a server. */
import { deliveryPrefix, type Installed, type ServerRecord, type Work } from '../server/server.ts';
import type { OnServer } from './known.ts';
import { because, isClaimed, unlessOverdue, type Status } from './status.ts';

export interface ServerStatus extends Status {
  kind: 'server';
  node: string;
  prefix: string;
  seq: number;
  /** What its first delivery found there. */
  capability: ServerRecord['capability'];
  delivery: ServerRecord['delivery'];
  work: (Pick<Work, 'domain' | 'notBefore' | 'reason'> & { remove: boolean })[];
  installed: Installed[];
}

export function serverStatus(record: ServerRecord, { work, installed }: OnServer, now: number): ServerStatus {
  return {
    kind: 'server',
    ...serverState(record, work.size, now),
    node: record.node,
    prefix: deliveryPrefix(record),
    seq: record.seq,
    capability: record.capability,
    delivery: record.delivery,
    work: [...work.values()].map(({ domain, certificate, notBefore, reason }) => ({
      domain,
      remove: certificate === 'REMOVE',
      ...(notBefore !== undefined && { notBefore }),
      ...(reason !== undefined && { reason }),
    })),
    installed: [...installed.values()],
  };
}

/** @param waiting how much work waits for it */
export function serverState(record: ServerRecord, waiting: number, now: number): Status {
  const status = { name: record.server, ...state(record, waiting, now) };
  // A held server is due for nothing until a person has looked.
  return record.held === undefined ? unlessOverdue(status, record, now) : status;
}

function state(record: ServerRecord, waiting: number, now: number): Omit<Status, 'name'> {
  if (record.held !== undefined) return { state: 'held', well: false, ...because('InstallBroken', record.held) };
  const failing = record.failures
    ? because('ServerUnreachable', `${plural(record.failures, 'delivery', 'deliveries')} in a row came to nothing.`)
    : undefined;
  const tryAgain = { what: 'tried again', at: record.dueAt };
  if (isClaimed(record, now)) {
    const { delivery } = record;
    return {
      state: delivery?.sentAt === undefined ? 'preparing a delivery' : `delivery ${delivery.seq} sent`,
      well: !failing,
      since: delivery?.sentAt,
      next: { what: 'its answer, at the latest', at: record.leaseUntil },
      ...failing,
    };
  }
  if (failing) return { state: 'unreachable', well: false, next: tryAgain, ...failing };
  if (!record.capability)
    return {
      state: 'to be inspected',
      well: true,
      since: record.registeredAt,
      next: { what: 'inspection', at: record.dueAt },
    };
  if (record.hostSecuredAt === undefined)
    return {
      state: 'waits for its own certificate',
      well: true,
      since: record.registeredAt,
      next: { what: `a certificate for ${record.server} seen served` },
      why: "Customers' certificates are delivered once its own host name is served and trusted.",
    };
  if (waiting > 0) return { state: `${waiting} waiting`, well: true, next: { what: 'delivery', at: record.dueAt } };
  return { state: 'up to date', well: true, since: record.hostSecuredAt };
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What `sealpost status` shows for a server. */
import { deliveryPrefix, type Installed, type ServerRecord, type Work } from '../record/server.ts';
import { daemonsOf, inTrouble, waitForConsent, type Daemon } from '../record/adoption.ts';
import { endpointsOf, type Endpoints } from './endpoints.ts';
import type { OnServer } from './known.ts';
import { because, isClaimed, unlessOverdue, type Status } from './status.ts';

export interface ServerStatus extends Status {
  kind: 'server';
  node: string;
  prefix: string;
  seq: number;
  /** What the last inspection found. */
  capability: ServerRecord['capability'];
  /** How far each daemon uses our files, with the plan of those that wait for consent. */
  daemons: Daemon[];
  delivery: ServerRecord['delivery'];
  work: (Pick<Work, 'domain' | 'notBefore' | 'reason'> & { remove: boolean })[];
  installed: Installed[];
  endpoints: Endpoints;
}

export function serverStatus(record: ServerRecord, on: OnServer, now: number): ServerStatus {
  const { work, installed } = on;
  const endpoints = endpointsOf(record.server, on, now);
  return {
    kind: 'server',
    ...unlessUnadopted(unlessUnverified(serverState(record, on, now), endpoints), record),
    node: record.node,
    prefix: deliveryPrefix(record),
    seq: record.seq,
    capability: record.capability,
    daemons: daemonsOf(record),
    delivery: record.delivery,
    work: [...work.values()].map(({ domain, certificate, notBefore, reason }) => ({
      domain,
      remove: certificate === 'REMOVE',
      ...(notBefore !== undefined && { notBefore }),
      ...(reason !== undefined && { reason }),
    })),
    installed: [...installed.values()],
    endpoints,
  };
}

/** Adds the daemons that are not adopted, although the server is otherwise well. */
function unlessUnadopted(status: Status, record: ServerRecord): Status {
  if (!status.well) return status;
  const troubled = inTrouble(record);
  const waiting = waitForConsent(record);
  if (troubled.length + waiting.length === 0) return status;
  const why = [
    ...troubled.map(({ daemon, state, reason }) => `${daemon} is ${state}: ${reason ?? 'it gave no reason'}.`),
    ...waiting.map(
      ({ daemon, reason }) =>
        `${daemon} waits for consent to its plan${reason ? `, because it would lose ${reason}` : ''}.`,
    ),
  ].join(' ');
  const changed = `put Mail Server Changed for ${record.server}`;
  const isLossy = waiting.some(({ state }) => state === 'loses');
  const remedy =
    troubled.length > 0
      ? `Mend it on the server, then ${changed} with "adopt":true. To do without: "leaveOut":[${troubled.map(({ daemon }) => `"${daemon}"`).join(',')}] in that event.`
      : `Read the plan in \`sealpost status ${record.server}\`, then ${changed} with "adopt":${isLossy ? '"with-losses"' : 'true'}.`;
  return { ...status, well: false, why, remedy };
}

/** Adds the endpoints that do not serve their certificate. */
function unlessUnverified(status: Status, { unverified }: Endpoints): Status {
  const [first] = unverified;
  if (!first || !status.well) return status;
  const { domain, ports, why, remedy, seenFrom } = first;
  const what = [
    ...(seenFrom === 'outside' ? ['from outside'] : []),
    ...(domain === undefined ? [] : [domain]),
    ...(ports.length > 0 ? [`port ${ports.join(', ')}`] : []),
  ];
  const more = unverified.length > 1 ? ` (and ${unverified.length - 1} more)` : '';
  return { ...status, well: false, why: `${what.length > 0 ? `${what.join(', ')}: ` : ''}${why}${more}.`, remedy };
}

export function serverState(record: ServerRecord, on: Pick<OnServer, 'work'>, now: number): Status {
  const status = { name: record.server, ...state(record, on, now) };
  // Nothing is due for a held server until a person registers the server again.
  return record.held === undefined ? unlessOverdue(status, record, now) : status;
}

function state(record: ServerRecord, { work }: Pick<OnServer, 'work'>, now: number): Omit<Status, 'name'> {
  if (record.held !== undefined) return { state: 'held', well: false, ...because('InstallBroken', record.held) };
  const failing = record.failures
    ? because(
        'ServerUnreachable',
        `${record.failures} ${record.failures === 1 ? 'delivery' : 'deliveries'} in a row failed.`,
      )
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
      why: "The server gets customers' certificates once its own host name is served and trusted.",
    };
  if (work.size > 0) return { state: `${work.size} waiting`, well: true, next: { what: 'delivery', at: record.dueAt } };
  return { state: 'up to date', well: true, since: record.hostSecuredAt };
}

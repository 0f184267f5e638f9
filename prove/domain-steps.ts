/** Steps about a domain: from its creation to its removal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { renewBy } from '../aws/renewals.ts';
import { putOne } from './events.ts';
import { deliveriesSince, endOf, resumedBy, transitions } from './executions.ts';
import { makeRecords } from './records.ts';
import type { Json } from './redact.ts';
import type { At } from './subject.ts';
import { until } from './wait.ts';

/** The port at which every kind of server that has certificates by name answers, and the label. */
const SEEN = { port: 993, label: 'mail' };
/** A name server may answer with a change some seconds after the zone is in sync. */
const LATER_MS = 5_000;

/** The stack says installed when it has seen the certificate; we look with our own eyes, too. */
async function isServed({ look, subject: { domain } }: At): Promise<boolean> {
  const host = `${SEEN.label}.${domain}`;
  const setting = { protocol: 'imap', host, port: SEEN.port, security: 'TLS' } as Parameters<At['look']>[0];
  return (await look(setting)).trusted;
}

const installed = ({ store, subject: { server, domain } }: At) => store.installed({ server, domain });

async function untilInstalled(at: At, { other }: { other?: string } = {}): Promise<{ parked?: string }> {
  const { domain } = at.subject;
  return until({ what: `${domain} installed`, minutes: 20, signal: at.signal }, async () => {
    const { parked } = (await at.store.readDomain(domain)) ?? {};
    if (parked) return { parked: `${parked.reason}: ${parked.message}` };
    const found = await installed(at);
    return found?.fingerprint === undefined || found.fingerprint === other ? undefined : {};
  });
}

export async function create(at: At): Promise<Json> {
  const { domain, server } = at.subject;
  await makeRecords(at);
  await sleep(LATER_MS, undefined, { signal: at.signal });
  const since = Date.now();
  const detail = { domain, mailServers: [server] };
  const eventId = await putOne(at, { detailType: 'Domain Created', detail });
  const { status, events } = await endOf(at, { machine: 'secure-domain', eventId, minutes: 20 });
  const end = await untilInstalled(at);
  if (end.parked !== undefined) return { execution: status, parked: end.parked };
  const isSeen = await isServed(at);
  const deliveries = await until({ what: 'an end of the delivery', minutes: 5, signal: at.signal }, async () => {
    const found = await deliveriesSince(at, since);
    return found.length > 0 ? found : undefined;
  });
  return {
    ...{ execution: status, transitions: transitions(events), served: isSeen },
    sendDelivery: resumedBy(deliveries.at(-1)!.events, 'SendDelivery') ?? null,
  };
}

export async function renew(at: At): Promise<Json> {
  const { stack, domain } = at.subject;
  const before = (await installed(at))?.fingerprint;
  if (before === undefined) return { asked: false, another: false, served: false };
  const { asked } = await renewBy(at.account.functions, stack, { domain });
  const isAsked = asked.includes(domain);
  if (!isAsked) return { asked: false, another: false, served: await isServed(at) };
  const { parked } = await untilInstalled(at, { other: before });
  if (parked !== undefined) return { asked: true, parked };
  return { asked: true, another: true, served: await isServed(at) };
}

export async function remove(at: At): Promise<Json> {
  await putOne(at, { detailType: 'Domain Deleted', detail: { domain: at.subject.domain } });
  await untilRemoved(at);
  return { installed: false, served: await isServed(at) };
}

export async function untilRemoved(at: At): Promise<void> {
  const { domain } = at.subject;
  await until({ what: `${domain} removed`, minutes: 15, signal: at.signal }, async () =>
    (await installed(at)) === undefined ? true : undefined,
  );
}

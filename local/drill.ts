/**
 * The revocation drill. The CA says of every certificate that its time is over (RFC 9773), and
 * nobody does anything. Every domain must get a new key and be seen served with its new
 * certificate, while customers go on working.
 */
import { X509Certificate } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { certificateObjects } from '../aws/objects.ts';
import { columns } from '../bin/columns.ts';
import type { StoredCertificate } from '../core/record/domain.ts';
import { pastWindow, setRenewalInfo } from './ca/advise.ts';
import type { Provider } from './provider/provider.ts';
import {
  addMailServer,
  delegateDomain,
  putEvent,
  registerMailServer,
  storeOf,
  until,
  untilInstalled,
} from './provider/panel.ts';
import { watchClients, type Client, type Clients } from './clients/watch-clients.ts';

export interface DrillOptions {
  /** Half of the domains are on each server. */
  domains: number;
  servers: string[];
  report: (line: string) => void;
}

export interface Drilled {
  text: string;
  /** The reasons why the drill failed; none if it succeeded. */
  troubles: string[];
}

/**
 * The longest time from the CA's word to the last domain: two schedules of a minute each, and the
 * orders on a machine with two cores.
 */
const PATIENCE_S = 420;

interface Subject {
  domain: string;
  hostName: string;
  client: Client;
}

/** @throws Error if the drill cannot begin */
export async function drill(provider: Provider, { domains, servers, report }: DrillOptions): Promise<Drilled> {
  const hosts = await Promise.all(
    servers.map(async name => {
      const host = await addMailServer(provider, name);
      await registerMailServer(provider, name);
      report(`${host.hostName} is registered and secured under its own name`);
      return host;
    }),
  );
  const subjects = Array.from({ length: domains }, (_, i): Subject => {
    const { hostName, address } = hosts[i % hosts.length]!;
    const domain = `customer${i + 1}.test`;
    return { domain, hostName, client: { address, port: i % 3 === 2 ? 443 : 993, name: nameOf(domain, i) } };
  });
  await begin(provider, subjects, report);
  const before = await certificates(provider, subjects);

  const clients = await watchClients(
    subjects.map(({ client }) => client),
    hosts.flatMap(({ address }) => [address, address]),
    provider.roots,
  );
  report(`Customers work: handshakes in a loop on every domain, ${2 * hosts.length} mailboxes open and idle`);
  const begun = Date.now();
  const own = hosts.map(({ hostName }) => hostName);
  for (const domain of [...subjects.map(({ domain }) => domain), ...own])
    await setRenewalInfo(provider.ca, { leafPem: (await chain(provider, domain)).pem, answer: pastWindow(begun) });
  report(
    `The CA: the window of all ${subjects.length + own.length} certificates is past. From here on nobody touches anything`,
  );
  const late = await untilServed(provider, subjects, before, clients, report);
  const sessionsLost = await clients.end();
  const after = await certificates(provider, subjects);
  return conclude({ subjects, before, after, clients, sessionsLost, late, begun, sessions: 2 * hosts.length });
}

/** Webmail and mail have different daemons, so both are checked. */
const nameOf = (domain: string, i: number) => `${i % 3 === 2 ? 'webmail' : 'mail'}.${domain}`;

async function begin(provider: Provider, subjects: Subject[], report: (line: string) => void): Promise<void> {
  for (const { domain, client } of subjects) await delegateDomain(provider, { domain, address: client.address });
  report(`Event: Domain Created, ${subjects.length} times`);
  for (const { domain, hostName } of subjects)
    await putEvent(provider, 'Domain Created', { domain, mailServers: [hostName] });
  const store = storeOf(provider);
  // The loop waits for all domains and asks about one: a hundred requests a second would keep the
  // stand-in busy.
  for (const { domain, hostName } of subjects) await untilInstalled(store, { domain, server: hostName }, PATIENCE_S);
  report(`All ${subjects.length} domains are installed: seen served`);
}

interface Known {
  stored: StoredCertificate;
  pem: string;
}

async function chain(provider: Provider, domain: string): Promise<Known> {
  const objects = certificateObjects(new S3Client(provider.client()), provider.stack.outputs.CertificateBucket!);
  const stored = (await storeOf(provider).readDomain(domain))!.current!;
  return { stored, pem: await objects.readChain({ domain, id: stored.id }) };
}

async function certificates(provider: Provider, subjects: Subject[]): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  for (const { domain } of subjects) known.set(domain, await chain(provider, domain));
  return known;
}

/** @returns the domains that are not served with another certificate when the time is over */
async function untilServed(
  provider: Provider,
  subjects: Subject[],
  before: Map<string, Known>,
  clients: Clients,
  report: (line: string) => void,
): Promise<string[]> {
  const store = storeOf(provider);
  let left = subjects;
  // A client sees the certificate first, so the product is asked after that.
  const isLeft = async ({ domain, hostName, client }: Subject) => {
    if (!clients.renewedAt.has(client)) return true;
    const installed = await store.installed({ server: hostName, domain });
    return installed?.fingerprint === before.get(domain)!.stored.fingerprint;
  };
  await until('every domain served with a new certificate', PATIENCE_S, async () => {
    const waiting = await Promise.all(left.map(isLeft));
    const fewer = left.filter((_, i) => waiting[i]);
    if (fewer.length < left.length)
      report(`${subjects.length - fewer.length} of ${subjects.length} are served with a new certificate`);
    left = fewer;
    return left.length === 0;
  }).catch(() => undefined);
  return left.map(({ domain }) => domain);
}

interface Outcome {
  subjects: Subject[];
  before: Map<string, Known>;
  after: Map<string, Known>;
  clients: Clients;
  sessions: number;
  sessionsLost: string[];
  late: string[];
  begun: number;
}

function conclude(outcome: Outcome): Drilled {
  const { subjects, clients, sessions, sessionsLost, late, begun } = outcome;
  const sameKey = subjects.filter(({ domain }) => isSameKey(outcome, domain)).map(({ domain }) => domain);
  const rows = [...new Set(subjects.map(({ hostName }) => hostName))].map(hostName => {
    const here = subjects.filter(subject => subject.hostName === hostName);
    const times = here.flatMap(({ client }) => clients.renewedAt.get(client) ?? []).map(at => at - begun);
    return [hostName, String(here.length), String(times.length), ...shown(times)];
  });
  const all = [...clients.renewedAt.values()].map(at => at - begun);
  const text = [
    columns(
      ['Server', 'Domains', 'Re-keyed and served', 'First', 'Median', 'Last'],
      [...rows, ['together', String(subjects.length), String(all.length), ...shown(all)]],
    ),
    `Handshakes meanwhile: ${clients.handshakes}, failed: ${clients.failed.length}`,
    `Sessions logged in and idle: ${sessions}, ended: ${sessionsLost.length}`,
  ].join('\n');
  return {
    text,
    troubles: [
      ...late.map(domain => `${domain} is not served with a new certificate`),
      ...sameKey.map(domain => `${domain} has the key that it had`),
      ...[...new Set(clients.failed)].map(why => `a handshake failed: ${why}`),
      ...sessionsLost.map(why => `a session ended: ${why}`),
    ],
  };
}

function isSameKey({ before, after }: Outcome, domain: string): boolean {
  const [was, is] = [before, after].map(known =>
    new X509Certificate(known.get(domain)!.pem).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  return was === is;
}

function shown(times: number[]): [string, string, string] {
  if (times.length === 0) return ['-', '-', '-'];
  const sorted = times.toSorted((a, b) => a - b);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [seconds(sorted[0]!), seconds(sorted[Math.floor((sorted.length - 1) / 2)]!), seconds(sorted.at(-1)!)];
}

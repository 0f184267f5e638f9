/**
 * The hosting provider's part of the main job: zones, mail servers and events. A person could do
 * each step with the `aws` command.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { store as storeOn } from '../../aws/store.ts';
import { Table } from '../../aws/table.ts';
import { delegationLine } from '../../core/dns/challenge-place.ts';
import type { Store } from '../../core/ports/store.ts';
import type { Kind } from '../hosts/software.ts';
import { CHALLENGE_ZONE, type ProviderAccess } from './provider.ts';

/** The product's table, for code that waits for its content. */
export function storeOf(provider: ProviderAccess): Store {
  return storeOn(new Table(new DynamoDBClient(provider.client()), provider.stack.outputs.TableName!));
}

/** Puts an event as the provider's panel. */
export async function putEvent(provider: ProviderAccess, detailType: string, detail: unknown): Promise<void> {
  const bus = new EventBridgeClient(provider.client('sender'));
  const entry = {
    EventBusName: provider.stack.outputs.BusName!,
    Source: 'provider.panel',
    DetailType: detailType,
    Detail: typeof detail === 'string' ? detail : JSON.stringify(detail),
  };
  const { Entries } = await bus.send(new PutEventsCommand({ Entries: [entry] }));
  const failed = Entries?.find(one => one.ErrorCode);
  if (failed) throw new Error(`the bus did not take ${detailType}: ${failed.ErrorCode} ${failed.ErrorMessage}`);
}

/**
 * Adds a mail server in its own zone, known to Systems Manager. A server that exists or is on
 * record is brought back.
 */
export async function addMailServer(
  provider: ProviderAccess,
  name: string,
  kind?: Kind,
  zone = 'provider.test',
): Promise<{ hostName: string; address: string }> {
  const hostName = `${name}.${zone}`;
  const host = provider.hosts.get(name) ?? (await provider.addHost({ name, hostName, kind }));
  const zoneId = await ensureZone(provider, zone);
  await provider.putRecords(zoneId, [
    { Name: hostName, Type: 'A', TTL: 60, ResourceRecords: [{ Value: host.address }] },
  ]);
  return { hostName, address: host.address };
}

const zoneIds = new WeakMap<ProviderAccess, Map<string, Promise<string>>>();
function ensureZone(provider: ProviderAccess, zone: string): Promise<string> {
  const known = zoneIds.get(provider) ?? new Map<string, Promise<string>>();
  zoneIds.set(provider, known);
  if (!known.has(zone)) known.set(zone, provider.createZone(zone));
  return known.get(zone)!;
}

/**
 * Registers a mail server, so that it gets deliveries, and waits until its own certificate is seen
 * served.
 */
export async function registerMailServer(provider: ProviderAccess, name: string): Promise<void> {
  const { hostName, nodeId } = provider.hosts.get(name)!;
  await putEvent(provider, 'Mail Server Registered', { server: hostName, node: nodeId, adopt: true });
  // Adoption waits until each daemon is seen again. Two servers may adopt at once on a busy
  // machine.
  await untilInstalled(storeOf(provider), { domain: hostName, server: hostName }, 300);
}

/**
 * The usual customer: the zone is with another DNS host, and `_acme-challenge` has the CNAME that
 * `sealpost dns` prints.
 * @param mx the exchanger of the domain; the server's host name if mail is served under it
 */
export async function delegateDomain(
  provider: ProviderAccess,
  { domain, address, mx = `mail.${domain}` }: { domain: string; address: string; mx?: string },
): Promise<void> {
  const [name, , target] = delegationLine(domain, { name: CHALLENGE_ZONE }).split(' ') as [string, string, string];
  await provider.setCustomerZone(domain, [
    { name: name.slice(0, -1), type: 'CNAME', ttl: 60, values: [target] },
    ...['mail', 'webmail'].map(label => ({ name: `${label}.${domain}`, type: 'A', ttl: 60, values: [address] })),
    { name: domain, type: 'MX', ttl: 60, values: [`10 ${mx}`] },
  ]);
}

/** A customer whose zone is in the provider's Route 53. */
export async function hostZone(
  provider: ProviderAccess,
  { domain, address }: { domain: string; address: string },
): Promise<void> {
  const zoneId = await ensureZone(provider, domain);
  const records = ['mail', 'webmail'].map(label => ({
    Name: `${label}.${domain}`,
    Type: 'A' as const,
    TTL: 60,
    ResourceRecords: [{ Value: address }],
  }));
  await provider.putRecords(zoneId, [
    ...records,
    { Name: domain, Type: 'MX', TTL: 60, ResourceRecords: [{ Value: `10 mail.${domain}` }] },
  ]);
}

/**
 * Waits until a condition holds.
 * @throws Error with `what` after `seconds`
 */
export async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${seconds} s`);
    await sleep(200);
  }
}

/** Waits until the product says that a domain is installed on a server, which means seen served. */
export function untilInstalled(
  store: Store,
  { domain, server }: { domain: string; server: string },
  seconds = 300,
): Promise<unknown> {
  return until(`${domain} installed on ${server}`, seconds, () => store.installed({ server, domain }));
}

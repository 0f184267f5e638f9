/**
 * Which of the account's public hosted zones a name is in. Route 53 takes 10 requests a second from a whole account, so
 * one answer is for all names of a domain, and what was found is kept in the process for a while.
 */
import {
  GetHostedZoneCommand,
  ListHostedZonesByNameCommand,
  type HostedZone,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import type { Zones } from '../core/ports.ts';
import { unlessBusy } from './throttling.ts';

/** How long a zone that was found is used unasked. */
const KEEP_MS = 300_000;
/** A zone may have been made a moment ago: what was not found is asked for again, but by all names of one list together. */
const NEW_MS = 1_000;
/** The most that one answer holds. */
const PAGE = 100;

interface Known {
  at: number;
  /** Id by name. */
  zones: Promise<Map<string, string>>;
}

/** @param now ms since the epoch */
export function zoneFinder(client: Route53Client, now: () => number): Zones['findZone'] {
  const known = new Map<string, Known>();
  const nameServers = new Map<string, Promise<string[]>>();

  /** @param top the last two labels of a name: all zones that the name may be in are there or under it */
  function zonesUnder(top: string, maxAgeMs: number): Promise<Map<string, string>> {
    const before = known.get(top);
    if (before && now() - before.at < maxAgeMs) return before.zones;
    const asked = { at: now(), zones: publicZones(client, top) };
    known.set(top, asked);
    return asked.zones.catch((error: unknown) => {
      if (known.get(top) === asked) known.delete(top);
      throw error;
    });
  }

  /** They are the zone's as long as it is there. */
  function nameServersOf(id: string, zone: string): Promise<string[]> {
    const asked = nameServers.get(id) ?? readNameServers(client, id, zone);
    nameServers.set(id, asked);
    return asked.catch((error: unknown) => {
      nameServers.delete(id);
      throw error;
    });
  }

  return async (name, { anew = false } = {}) => {
    const top = name.split('.').slice(-2).join('.');
    const kept = anew ? undefined : longest(name, await zonesUnder(top, KEEP_MS));
    const found = kept ?? longest(name, await zonesUnder(top, NEW_MS));
    return found && { ...found, nameServers: await nameServersOf(found.id, found.name) };
  };
}

function longest(name: string, zones: Map<string, string>): { id: string; name: string } | undefined {
  for (let zone = name; zone.includes('.'); zone = zone.slice(zone.indexOf('.') + 1)) {
    const id = zones.get(zone);
    if (id !== undefined) return { id, name: zone };
  }
  return undefined;
}

/** They come in the order of their labels from the right, so all under a name follow it. */
async function publicZones(client: Route53Client, top: string): Promise<Map<string, string>> {
  const found: HostedZone[] = [];
  for (let from: { DNSName?: string; HostedZoneId?: string } | undefined = { DNSName: top }; from;) {
    const start: object = from;
    const page = await unlessBusy('Route 53', top, () =>
      client.send(new ListHostedZonesByNameCommand({ ...start, MaxItems: PAGE })),
    );
    const zones = page.HostedZones ?? [];
    const under = zones.filter(({ Name }) => Name === `${top}.` || Name?.endsWith(`.${top}.`));
    found.push(...under);
    const isLast = !page.IsTruncated || under.length < zones.length;
    from = isLast ? undefined : { DNSName: page.NextDNSName, HostedZoneId: page.NextHostedZoneId };
  }
  const open = found.filter(({ Config }) => !Config?.PrivateZone);
  // Of several with one name the first.
  open.reverse();
  return new Map(open.map(({ Id, Name }) => [Name!.replace(/\.$/, ''), Id!.replace('/hostedzone/', '')]));
}

async function readNameServers(client: Route53Client, id: string, zone: string): Promise<string[]> {
  const { DelegationSet } = await unlessBusy('Route 53', zone, () => client.send(new GetHostedZoneCommand({ Id: id })));
  return DelegationSet?.NameServers ?? [];
}

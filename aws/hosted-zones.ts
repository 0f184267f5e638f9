/**
 * Which of the account's public hosted zones a name is in. Route 53 takes 10 requests a second from a whole account, so
 * one answer is for all names of a domain, and what was found is kept in the process for a while.
 */
import { GetHostedZoneCommand, ListHostedZonesByNameCommand, type Route53Client } from '@aws-sdk/client-route-53';
import { unlessBusy } from './throttling.ts';
import type { Zones } from '../core/ports/zones.ts';

/** How long a zone that was found is used unasked. */
const KEEP_MS = 300_000;
/** A zone may have been made a moment ago: what was not found is asked for again, but by all names of one list together. */
const NEW_MS = 1_000;
/** The most that one answer holds. */
const PAGE = 100;

interface Known {
  at: number;
  answer: Promise<Answer>;
}

interface Answer {
  /** Id by name. */
  zones: Map<string, string>;
  /** False: there are more under that name than one answer holds. */
  isAll: boolean;
}

interface FoundZone {
  id: string;
  name: string;
}

/** @param now ms since the epoch */
export function zoneFinder(client: Route53Client, now: () => number): Zones['findZone'] {
  const known = new Map<string, Known>();
  const nameServers = new Map<string, Promise<string[]>>();

  function zonesFrom(top: string, maxAgeMs: number): Promise<Answer> {
    const before = known.get(top);
    if (before && now() - before.at < maxAgeMs) return before.answer;
    const asked = { at: now(), answer: publicZones(client, top) };
    known.set(top, asked);
    return asked.answer.catch((error: unknown) => {
      if (known.get(top) === asked) known.delete(top);
      throw error;
    });
  }

  /** The last two labels of a name: all zones that it may be in are there or under it. Under `co.uk` there may be thousands: then one label more. */
  async function find(name: string, maxAgeMs: number): Promise<FoundZone | undefined> {
    let above: FoundZone | undefined;
    const labels = name.split('.');
    for (let count = Math.min(2, labels.length); count <= labels.length; count++) {
      const { zones, isAll } = await zonesFrom(labels.slice(-count).join('.'), maxAgeMs);
      above = longest(name, zones) ?? above;
      if (isAll) break;
    }
    return above;
  }

  /** They are the zone's as long as it is there. */
  function nameServersOf({ id, name }: FoundZone): Promise<string[]> {
    const asked = nameServers.get(id) ?? readNameServers(client, { id, name });
    nameServers.set(id, asked);
    return asked.catch((error: unknown) => {
      nameServers.delete(id);
      throw error;
    });
  }

  return async (name, { anew = false } = {}) => {
    const kept = anew ? undefined : await find(name, KEEP_MS);
    const found = kept ?? (await find(name, NEW_MS));
    return found && { ...found, nameServers: await nameServersOf(found) };
  };
}

function longest(name: string, zones: Map<string, string>): FoundZone | undefined {
  for (let zone = name; zone.includes('.'); zone = zone.slice(zone.indexOf('.') + 1)) {
    const id = zones.get(zone);
    if (id !== undefined) return { id, name: zone };
  }
  return undefined;
}

/** One page. They come in the order of their labels from the right, so all under a name follow it. */
async function publicZones(client: Route53Client, top: string): Promise<Answer> {
  const page = await unlessBusy('Route 53', top, () =>
    client.send(new ListHostedZonesByNameCommand({ DNSName: top, MaxItems: PAGE })),
  );
  const all = page.HostedZones ?? [];
  const under = all.filter(({ Name }) => Name === `${top}.` || Name?.endsWith(`.${top}.`));
  const open = under.filter(({ Config }) => !Config?.PrivateZone);
  // Of several with one name the first.
  open.reverse();
  return {
    zones: new Map(open.map(({ Id, Name }) => [Name!.replace(/\.$/, ''), Id!.replace('/hostedzone/', '')])),
    isAll: !page.IsTruncated || under.length < all.length,
  };
}

async function readNameServers(client: Route53Client, { id, name }: FoundZone): Promise<string[]> {
  const { DelegationSet } = await unlessBusy('Route 53', name, () => client.send(new GetHostedZoneCommand({ Id: id })));
  return DelegationSet?.NameServers ?? [];
}

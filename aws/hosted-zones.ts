/**
 * Finds the public hosted zones of a name. Route 53 takes 10 requests a second from a whole
 * account, so one answer serves all names of a domain, and the process keeps answers for a while.
 */
import { GetHostedZoneCommand, ListHostedZonesByNameCommand, type Route53Client } from '@aws-sdk/client-route-53';
import { unlessBusy } from './throttling.ts';
import type { HostedZone, Zones } from '../core/ports/zones.ts';

/** How long a found zone is used without a new request. */
const KEEP_MS = 300_000;
/**
 * A name without a zone is asked for again after this time, because the zone may be new. All names
 * of one list share that answer.
 */
const NEW_MS = 1_000;
/** Zones that one answer may have. */
const PAGE = 100;

interface Known {
  at: number;
  answer: Promise<Answer>;
}

interface Answer {
  /** Zone ids by zone name. Route 53 allows several zones of one name. */
  zones: Map<string, string[]>;
  /** False if there are more zones under the name than one answer has. */
  isAll: boolean;
}

interface FoundZones {
  ids: string[];
  name: string;
}

/** @param now gives milliseconds since the epoch */
export function zoneFinder(client: Route53Client, now: () => number): Zones['findZones'] {
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

  /**
   * Starts at the last two labels of the name, because all zones that the name may be in are there
   * or under it. Under `co.uk` there may be thousands; then one label more is used.
   */
  async function find(name: string, maxAgeMs: number): Promise<FoundZones | undefined> {
    let above: FoundZones | undefined;
    const labels = name.split('.');
    for (let count = Math.min(2, labels.length); count <= labels.length; count++) {
      const { zones, isAll } = await zonesFrom(labels.slice(-count).join('.'), maxAgeMs);
      above = longest(name, zones) ?? above;
      if (isAll) break;
    }
    return above;
  }

  /** A zone keeps its name servers for its whole life, so the answer is kept. */
  function nameServersOf({ id, name }: Pick<HostedZone, 'id' | 'name'>): Promise<string[]> {
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
    if (!found) return [];
    const zones = found.ids.map(id => ({ id, name: found.name }));
    return Promise.all(zones.map(async zone => ({ ...zone, nameServers: await nameServersOf(zone) })));
  };
}

function longest(name: string, zones: Map<string, string[]>): FoundZones | undefined {
  for (let zone = name; zone.includes('.'); zone = zone.slice(zone.indexOf('.') + 1)) {
    const ids = zones.get(zone);
    if (ids !== undefined) return { ids, name: zone };
  }
  return undefined;
}

/**
 * Reads one page. Zones are ordered by their labels from the right, so all zones under a name
 * follow it.
 */
async function publicZones(client: Route53Client, top: string): Promise<Answer> {
  const page = await unlessBusy('Route 53', top, () =>
    client.send(new ListHostedZonesByNameCommand({ DNSName: top, MaxItems: PAGE })),
  );
  const all = page.HostedZones ?? [];
  const under = all.filter(({ Name }) => Name === `${top}.` || Name?.endsWith(`.${top}.`));
  const open = under.filter(({ Config }) => !Config?.PrivateZone);
  const byName = Map.groupBy(open, ({ Name }) => Name!.replace(/\.$/, ''));
  return {
    zones: new Map([...byName].map(([name, same]) => [name, same.map(({ Id }) => Id!.replace('/hostedzone/', ''))])),
    isAll: !page.IsTruncated || under.length < all.length,
  };
}

async function readNameServers(
  client: Route53Client,
  { id, name }: Pick<HostedZone, 'id' | 'name'>,
): Promise<string[]> {
  const { DelegationSet } = await unlessBusy('Route 53', name, () => client.send(new GetHostedZoneCommand({ Id: id })));
  return DelegationSet?.NameServers ?? [];
}

/**
 * DNS, asked where it matters: a zone's own servers, every one of them, directly. A recursive resolver may hold an
 * answer from before the change, and a CA may ask any of the servers.
 */
import { Resolver } from 'node:dns/promises';
import { SealpostError } from '../errors.ts';

export interface CaaProperty {
  /** The octet as it is (RFC 8659 §4.1). */
  flags: number;
  tag: string;
  value: string;
}

/** RFC 6698 §2.1. */
export interface TlsaRecord {
  usage: number;
  selector: number;
  match: number;
  /** Hexadecimal, lower case. */
  data: string;
}

/** Names come and go without the final dot. A name or type that does not exist is `[]`. */
export interface Dns {
  /**
   * @param servers addresses (`192.0.2.1`, `[2001:db8::1]:53`) to ask instead of the resolver's own
   * @returns host names, addresses, or TXT values with their strings joined
   * @throws DnsNotPropagated when no server gives a valid answer; `retry` is right for it, whatever the cause
   */
  resolve(name: string, type: 'A' | 'CNAME' | 'NS' | 'TXT', servers?: string[]): Promise<string[]>;
  caa(name: string): Promise<CaaProperty[]>;
  /** Whether they are signed (DNSSEC) is not seen here. */
  tlsa(name: string): Promise<TlsaRecord[]>;
}

/** 2 s, then once more: 2 tries × 2 s = about 4 s, well inside a step. */
const limits = { timeout: 2_000, tries: 2 };
/** Where a resolver gives up on a chain of CNAMEs (BIND: 16 restarts, Unbound: 11): who has more has a loop. */
const longestAliasChain = 10;

/** @param addresses of recursive resolvers; none: those of the machine */
export function systemResolver(addresses: string[]): Dns {
  function resolverOf(servers: string[]): Resolver {
    const resolver = new Resolver(limits);
    if (servers.length > 0) resolver.setServers(servers);
    return resolver;
  }

  return {
    resolve: (name, type, servers = addresses) =>
      answered({ name, type, servers }, async () => {
        const resolver = resolverOf(servers);
        if (type === 'TXT') return (await resolver.resolveTxt(name)).map(strings => strings.join(''));
        return (await resolver.resolve(name, type)).map(bare);
      }),
    caa: name =>
      answered({ name, type: 'CAA', servers: addresses }, async () => {
        const records = await resolverOf(addresses).resolveCaa(name);
        return records.map(({ critical, ...property }) => {
          // Node names the member after the property's tag.
          const [tag, value] = Object.entries(property).find(([key]) => key !== 'type') ?? ['', ''];
          return { flags: critical, tag: tag.toLowerCase(), value: String(value) };
        });
      }),
    tlsa: name =>
      answered({ name, type: 'TLSA', servers: addresses }, async () => {
        const records = await resolverOf(addresses).resolveTlsa(name);
        return records.map(({ certUsage, selector, match, data }) => ({
          ...{ usage: certUsage, selector, match },
          data: Buffer.from(data).toString('hex'),
        }));
      }),
  };
}

/** The zone that a name is in, and the names of its servers as the public sees them. */
export async function zoneOf(dns: Dns, name: string): Promise<{ zone: string; nameServers: string[] }> {
  for (let zone = name; zone.includes('.'); zone = zone.slice(zone.indexOf('.') + 1)) {
    const nameServers = await dns.resolve(zone, 'NS');
    if (nameServers.length > 0) return { zone, nameServers };
  }
  throw new SealpostError('DnsNotPropagated', name, `No public name server answers for ${name}. Is it registered?`);
}

/** Every address of every server of the zone that `name` is in. */
export async function authoritativeServers(
  dns: Dns,
  name: string,
): Promise<{ zone: string; servers: { name: string; address: string }[] }> {
  const { zone, nameServers } = await zoneOf(dns, name);
  const found = await Promise.all(
    nameServers.map(async server => (await dns.resolve(server, 'A')).map(address => ({ name: server, address }))),
  );
  const servers = found.flat();
  if (servers.length > 0) return { zone, servers };
  throw new SealpostError('DnsNotPropagated', name, `None of ${zone}'s name servers has an address.`);
}

/** Where a name's CNAMEs lead; the name itself without one. */
export async function followAlias(dns: Dns, name: string): Promise<string> {
  let target = name;
  for (let steps = 0; steps < longestAliasChain; steps += 1) {
    const [next] = await dns.resolve(target, 'CNAME');
    if (next === undefined) return target;
    target = next;
  }
  throw new SealpostError('DnsNotPropagated', name, `The CNAMEs of ${name} go in a circle.`);
}

export interface Lacking {
  /** `ns1.example.com (192.0.2.1)` */
  server: string;
  values: string[];
  /** Why nothing is known of it. */
  reason?: string;
}

/**
 * Whether every authoritative server gives all the values at `recordName`, or where its CNAME leads.
 * A server that does not answer is lacking all: a CA may ask just that one.
 */
export async function seenEverywhere(
  dns: Dns,
  recordName: string,
  values: string[],
): Promise<{ ok: true } | { ok: false; missing: Lacking[] }> {
  const target = await followAlias(dns, recordName);
  const { servers } = await authoritativeServers(dns, target);
  const seen = await Promise.all(
    servers.map(async ({ name, address }): Promise<Lacking> => {
      const server = `${name} (${address})`;
      try {
        const there = await dns.resolve(target, 'TXT', [address]);
        return { server, values: values.filter(value => !there.includes(value)) };
      } catch (error) {
        return { server, values, reason: (error as Error).message };
      }
    }),
  );
  const missing = seen.filter(({ values }) => values.length > 0);
  return missing.length === 0 ? { ok: true } : { ok: false, missing };
}

async function answered<T>(
  { name, type, servers }: { name: string; type: string; servers: string[] },
  ask: () => Promise<T[]>,
): Promise<T[]> {
  try {
    return await ask();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENODATA' || code === 'ENOTFOUND') return [];
    const whom = servers.join(', ') || 'the resolver';
    throw new SealpostError('DnsNotPropagated', name, `Asked ${whom} for ${type} of ${name}: ${code}.`, { cause });
  }
}

function bare(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

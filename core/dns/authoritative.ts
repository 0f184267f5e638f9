/**
 * DNS queries to a zone's own servers, to each of them. A recursive resolver may still have the
 * answer from before a change, and a CA may ask any server of the zone.
 */
import { Resolver } from 'node:dns/promises';
import { isSealpostError, SealpostError } from '../errors.ts';

export interface CaaProperty {
  /** The octet as the record has it (RFC 8659 §4.1). */
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

/**
 * Names have no final dot, in arguments and in results. A name or type that does not exist gives
 * `[]`.
 */
export interface Dns {
  /**
   * @param servers addresses (`192.0.2.1`, `[2001:db8::1]:53`) to ask in place of the resolver's
   *   own
   * @returns host names, addresses, or TXT values with their strings joined
   * @throws SealpostError DnsNotPropagated if no server gives a valid answer; a retry is right
   *   whatever the cause
   */
  resolve(name: string, type: 'A' | 'CNAME' | 'NS' | 'TXT', servers?: string[]): Promise<string[]>;
  caa(name: string): Promise<CaaProperty[]>;
  /** The result does not say whether the records are signed (DNSSEC). */
  tlsa(name: string): Promise<TlsaRecord[]>;
}

/** 2 tries × 2 s = about 4 s, well within the time of a step. */
const limits = { timeout: 2_000, tries: 2 };
/**
 * Resolvers give up on a long chain of CNAMEs (BIND after 16, Unbound after 11). A longer chain is
 * a loop.
 */
const longestAliasChain = 10;

/** @param addresses of recursive resolvers; empty for the machine's own */
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

/**
 * The zone of a name, and the host names of the zone's public name servers.
 * @throws SealpostError DnsNotPropagated
 */
export async function zoneOf(dns: Dns, name: string): Promise<{ zone: string; nameServers: string[] }> {
  for (let zone = name; zone.includes('.'); zone = zone.slice(zone.indexOf('.') + 1)) {
    const nameServers = await dns.resolve(zone, 'NS');
    // A CNAME, for example a wildcard's, answers with the name servers of its target.
    if (nameServers.length > 0 && (await dns.resolve(zone, 'CNAME')).length === 0) return { zone, nameServers };
  }
  throw new SealpostError('DnsNotPropagated', {
    about: name,
    message: `No public name server answers for ${name}. Is it registered?`,
  });
}

/** More did not fit into an answer of 512 bytes: the root and the largest zones have 13. */
const MOST_NAME_SERVERS = 13;
/** Of a zone. A zone of 13 name servers has 13, or some more for other networks. */
const MOST_ADDRESSES = 20;

/**
 * The addresses of the name servers of the zone that `name` is in: all of them, unless the zone has
 * more than anybody needs. Each name server comes once before any comes twice.
 * @throws SealpostError DnsNotPropagated
 */
export async function authoritativeServers(
  dns: Dns,
  name: string,
): Promise<{ zone: string; servers: { name: string; address: string }[] }> {
  const { zone, nameServers } = await zoneOf(dns, name);
  const found = await Promise.all(
    nameServers
      .toSorted()
      .slice(0, MOST_NAME_SERVERS)
      .map(async server => (await dns.resolve(server, 'A')).map((address, nth) => ({ name: server, address, nth }))),
  );
  const servers = found
    .flat()
    .toSorted((a, b) => a.nth - b.nth)
    .slice(0, MOST_ADDRESSES)
    .map(({ name: server, address }) => ({ name: server, address }));
  if (servers.length > 0) return { zone, servers };
  throw new SealpostError('DnsNotPropagated', {
    about: name,
    message: `None of ${zone}'s name servers has an address.`,
  });
}

/**
 * The target of a name's CNAME, as the zone's own servers give it. A resolver that was asked before
 * the record was made says for minutes that there is none: 900 s if the zone is in Route 53. A
 * server that does not answer is passed over, because a CA asks the next one, too. Of servers that
 * differ, the one that has the record is right: the others lag behind, or do not know the zone.
 * @returns undefined if there is none
 * @throws SealpostError DnsNotPropagated
 */
async function aliasOf(dns: Dns, name: string): Promise<string | undefined> {
  const { servers } = await authoritativeServers(dns, name).catch((error: unknown) => {
    if (isSealpostError(error, 'DnsNotPropagated')) return { servers: [] };
    throw error;
  });
  const answers = await Promise.allSettled(servers.map(({ address }) => dns.resolve(name, 'CNAME', [address])));
  const given = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []));
  const targets = given.length > 0 ? given.flat() : await dns.resolve(name, 'CNAME');
  if (new Set(targets).size <= 1) return targets[0];
  throw new SealpostError('DnsNotPropagated', {
    about: name,
    message: `The name servers of ${name} differ: CNAME ${[...new Set(targets)].join(' and ')}.`,
  });
}

/**
 * The end of a name's CNAMEs; the name itself if it has none.
 * @throws SealpostError DnsNotPropagated
 */
export async function followAlias(dns: Dns, name: string): Promise<string> {
  let target = name;
  for (let steps = 0; steps < longestAliasChain; steps += 1) {
    const next = await aliasOf(dns, target);
    if (next === undefined) return target;
    target = next;
  }
  throw new SealpostError('DnsNotPropagated', { about: name, message: `The CNAMEs of ${name} go in a circle.` });
}

/**
 * The target of the CNAME that a wildcard of the zone (RFC 4592) gives for `name`; undefined if the
 * name has a CNAME of its own, or none. A record at the name itself ends what the wildcard gives,
 * so such a CNAME delegates nothing.
 * @throws SealpostError DnsNotPropagated
 */
export async function wildcardAlias(dns: Dns, name: string): Promise<string | undefined> {
  const alias = await aliasOf(dns, name);
  if (alias === undefined) return undefined;
  // Nobody has a record at this name. Its label is no longer than `_acme-challenge`.
  const beside = name.replace(/^[^.]+/, '_acme-nowhere');
  const same = await aliasOf(dns, beside);
  return same === alias ? alias : undefined;
}

export interface Lacking {
  /** For example `ns1.example.com (192.0.2.1)`. */
  server: string;
  values: string[];
  /** Why the server gave no answer. */
  reason?: string;
}

/**
 * Checks that every authoritative server gives all the values at `recordName`, or at the end of its
 * CNAMEs. A server that does not answer lacks all values, because a CA may ask just that server.
 * @throws SealpostError DnsNotPropagated
 */
export async function seenEverywhere(
  dns: Dns,
  recordName: string,
  values: string[],
): Promise<{ ok: true } | { ok: false; missing: Lacking[] }> {
  // A resolver keeps a wildcard's CNAME for its TTL after the record was written.
  const isWildcard = (await wildcardAlias(dns, recordName)) !== undefined;
  const target = isWildcard ? recordName : await followAlias(dns, recordName);
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
    throw new SealpostError('DnsNotPropagated', {
      about: name,
      message: `Asked ${whom} for ${type} of ${name}: ${code}.`,
      cause,
    });
  }
}

function bare(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * The TXT location of a domain's dns-01 values: behind the CNAME that the customer set once (the
 * usual case, because the customer's zone is elsewhere), or in the domain's own zone if that zone
 * is ours and in public use.
 */
import { createHash } from 'node:crypto';
import { SealpostError } from '../errors.ts';
import { followAlias, wildcardAlias, zoneOf } from './authoritative.ts';
import type { Dns } from './authoritative.ts';
import type { HostedZone, Zones } from '../ports/zones.ts';

export interface ChallengePlace {
  /** The name at which the TXT record is written. */
  recordName: string;
  zoneId: string;
  zoneName: string;
  /** True if the name is the end of a CNAME. */
  delegated: boolean;
}

/** Finds the hosted zones that we may write to. */
export type ZoneFinder = Pick<Zones, 'findZones'>;

/**
 * The name in the challenge zone that belongs to one domain. The name follows from the domain
 * alone, so the customer's CNAME line never changes and nothing has to be stored. The name has 128
 * bits of SHA-256, so that nobody can find a second domain with the same name.
 */
export function challengeTarget(domain: string, challengeZone: { name: string }): string {
  return `${createHash('sha256').update(domain).digest('hex').slice(0, 32)}.${challengeZone.name}`;
}

/** The CNAME line for the customer's zone. */
export function delegationLine(domain: string, challengeZone: { name: string }): string {
  return `_acme-challenge.${domain}. CNAME ${challengeTarget(domain, challengeZone)}.`;
}

/**
 * The CNAME lines for all names of a certificate, each once. A wildcard and the name under it share
 * a line.
 */
export function delegationLines(names: string[], challengeZone: { name: string }): string[] {
  const bare = new Set(names.map(name => name.replace(/^\*\./, '')));
  return [...bare].map(name => delegationLine(name, challengeZone));
}

/**
 * @param options.domain the name to validate, without `*.`
 * @throws SealpostError DomainNotManaged with the missing CNAME line; DnsNotPropagated if DNS does
 *   not answer; Throttled
 */
export async function challengePlace(options: {
  dns: Dns;
  zones: ZoneFinder;
  challengeZone: { id: string; name: string };
  domain: string;
}): Promise<ChallengePlace> {
  const { dns, zones, challengeZone, domain } = options;
  const asked = `_acme-challenge.${domain}`;
  const target = await followAlias(dns, asked);
  if (target === challengeTarget(domain, challengeZone)) {
    return { recordName: target, zoneId: challengeZone.id, zoneName: challengeZone.name, delegated: true };
  }
  const wildcard = await wildcardAlias(dns, asked);
  const recordName = wildcard === undefined ? target : asked;
  const delegated = recordName !== asked;
  // A CNAME to anywhere else is the customer's choice. To follow it would make us write under a
  // name of another party.
  const own = delegated ? [] : await zones.findZones(recordName);
  let used = await inPublicUse(dns, own, recordName);
  if (own.length > 0 && !used) {
    // The kept answer may be older than a move of the domain to another zone of ours.
    const now = await zones.findZones(recordName, { anew: true });
    const others = now.filter(({ id }) => own.every(known => known.id !== id));
    used = await inPublicUse(dns, others, recordName);
  }
  if (used) return { recordName, zoneId: used.id, zoneName: used.name, delegated };
  const state = delegated
    ? `${asked} leads to ${recordName}, where we cannot write.`
    : `${asked} is not delegated to us${wildcard === undefined ? '' : `: a wildcard CNAME leads it to ${wildcard}`}.`;
  const unused = own[0] ? ` (Our zone ${own[0].name} is not the one that the public name servers serve.)` : '';
  const cure = `Have this line put into the domain's zone: ${delegationLine(domain, challengeZone)}`;
  throw new SealpostError('DomainNotManaged', { about: domain, message: `${state}${unused} ${cure}` });
}

/**
 * Of hosted zones with one name, the zone that the public uses. A hosted zone counts only if the
 * public delegation names its servers and no others. Otherwise a CA would send some of its
 * questions to servers that we cannot write to.
 */
async function inPublicUse(dns: Dns, zones: HostedZone[], recordName: string): Promise<HostedZone | undefined> {
  if (zones.length === 0) return undefined;
  const { zone, nameServers } = await zoneOf(dns, recordName);
  for (const own of zones) if (zone === own.name && (await areServersOf(own, nameServers, dns))) return own;
  return undefined;
}

/**
 * White-label name servers have names of the provider's own, and the addresses of Route 53's
 * servers (developer guide, "Configuring white-label name servers").
 */
async function areServersOf(own: HostedZone, nameServers: string[], dns: Dns): Promise<boolean> {
  const ours = own.nameServers.map(name => name.toLowerCase().replace(/\.$/, ''));
  const others = nameServers.filter(server => !ours.includes(server));
  if (others.length === 0) return true;
  const addressesOf = (names: string[]) => Promise.all(names.map(name => dns.resolve(name, 'A')));
  const there = (await addressesOf(ours)).flat();
  return (await addressesOf(others)).every(
    addresses => addresses.length > 0 && addresses.every(address => there.includes(address)),
  );
}

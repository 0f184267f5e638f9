/**
 * Where a domain's dns-01 values are written: behind the CNAME that the customer set once (the usual case: the
 * customer's zone is elsewhere), or in the domain's own zone where that is ours and in public use.
 */
import { createHash } from 'node:crypto';
import { SealpostError } from '../errors.ts';
import { followAlias, zoneOf } from './authoritative.ts';
import type { Dns } from './authoritative.ts';
import type { Zones } from '../ports/zones.ts';

export interface ChallengePlace {
  /** Where the TXT record is really written. */
  recordName: string;
  zoneId: string;
  zoneName: string;
  /** Reached by a CNAME. */
  delegated: boolean;
}

/** The hosted zones that we may write to. */
export type ZoneFinder = Pick<Zones, 'findZone'>;

/**
 * The name in the challenge zone that belongs to a domain, and to no other: the same at all times and for everybody, so
 * the line for the customer needs no record of ours. 128 bits of SHA-256: opaque, and nobody finds a second domain for it.
 */
export function challengeTarget(domain: string, challengeZone: { name: string }): string {
  return `${createHash('sha256').update(domain).digest('hex').slice(0, 32)}.${challengeZone.name}`;
}

/** The line for the customer's zone. */
export function delegationLine(domain: string, challengeZone: { name: string }): string {
  return `_acme-challenge.${domain}. CNAME ${challengeTarget(domain, challengeZone)}.`;
}

/** The lines for all names of a certificate, each once: a wildcard is validated at the name that it stands under. */
export function delegationLines(names: string[], challengeZone: { name: string }): string[] {
  const bare = new Set(names.map(name => name.replace(/^\*\./, '')));
  return [...bare].map(name => delegationLine(name, challengeZone));
}

/**
 * @param domain the name that is validated, bare
 * @throws DomainNotManaged with the CNAME line that cures it; DnsNotPropagated where DNS does not answer
 */
export async function challengePlace(options: {
  dns: Dns;
  zones: ZoneFinder;
  challengeZone: { id: string; name: string };
  domain: string;
}): Promise<ChallengePlace> {
  const { dns, zones, challengeZone, domain } = options;
  const asked = `_acme-challenge.${domain}`;
  const recordName = await followAlias(dns, asked);
  const delegated = recordName !== asked;
  if (recordName === challengeTarget(domain, challengeZone)) {
    return { recordName, zoneId: challengeZone.id, zoneName: challengeZone.name, delegated };
  }
  // An alias to anywhere else is the customer's to set, and would have us write under a name that is somebody else's.
  let own = delegated ? undefined : await zones.findZone(recordName);
  let isUsed = own !== undefined && (await inPublicUse(dns, own, recordName));
  if (own && !isUsed) {
    // What is known may be from before the public was sent to another zone of ours.
    const known = own.id;
    own = await zones.findZone(recordName, { anew: true });
    isUsed = own !== undefined && own.id !== known && (await inPublicUse(dns, own, recordName));
  }
  if (own && isUsed) return { recordName, zoneId: own.id, zoneName: own.name, delegated };
  const state = delegated
    ? `${asked} leads to ${recordName}, where we cannot write.`
    : `${asked} is not delegated to us.`;
  const unused = own ? ` (Our zone ${own.name} is not the one that the public name servers serve.)` : '';
  const cure = `Have this line put into the domain's zone: ${delegationLine(domain, challengeZone)}`;
  throw new SealpostError('DomainNotManaged', domain, `${state}${unused} ${cure}`);
}

/**
 * A hosted zone counts only where the public is sent to it, and to it alone: half of a CA's questions would go to the
 * other provider's servers, where we cannot write.
 */
async function inPublicUse(
  dns: Dns,
  own: { name: string; nameServers: string[] },
  recordName: string,
): Promise<boolean> {
  const { zone, nameServers } = await zoneOf(dns, recordName);
  const ours = own.nameServers.map(name => name.toLowerCase().replace(/\.$/, ''));
  return zone === own.name && nameServers.every(server => ours.includes(server));
}

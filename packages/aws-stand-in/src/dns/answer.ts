/**
 * The answer to a question, from a set of zones. The server is the authority for each zone and the
 * resolver for all of them.
 */
import { isInZone, normalName, type RecordSet, type Zone } from './zone.ts';

/** RFC 1035 §4.1.1. */
export const RCODE = { ok: 0, nameError: 3, refused: 5 } as const;

export interface Answer {
  code: (typeof RCODE)[keyof typeof RCODE];
  /** A CNAME stands before the record that it leads to. */
  answers: RecordSet[];
  /** The SOA of the zone that denies the name (RFC 2308 §2). */
  authority: RecordSet[];
}

/** Resolvers give up on long chains; BIND does at 16. */
const MAX_CHAIN = 16;

/**
 * Nobody can register names under these top-level names (RFC 6761, RFC 2606). A name there that is
 * in no zone of ours does not exist.
 */
const OURS_ALONE = ['test', 'example', 'invalid', 'localhost'];

/**
 * Follows CNAMEs from zone to zone and puts the whole chain into one answer, as a resolver does,
 * because Pebble reads a single reply. A chain that leaves our zones ends with its last CNAME. The
 * response code is the code of the chain's last name (RFC 6604 §3).
 */
export function answer(zones: Zone[], question: string, type: string): Answer {
  const answers: RecordSet[] = [];
  let name = normalName(question);
  for (let links = 0; links < MAX_CHAIN; links += 1) {
    const zone = closestZone(zones, name);
    if (!zone) return { code: links > 0 ? RCODE.ok : codeOutside(zones, name), answers, authority: [] };
    const here = zone.records.get(name) ?? [];
    const wanted = here.find(set => set.type === type);
    if (wanted) return { code: RCODE.ok, answers: [...answers, wanted], authority: [] };
    const alias = here.find(set => set.type === 'CNAME');
    if (!alias) {
      const exists = here.length > 0 || [...zone.records.keys()].some(owner => isInZone(owner, name));
      const authority = (zone.records.get(zone.name) ?? []).filter(set => set.type === 'SOA');
      return { code: exists ? RCODE.ok : RCODE.nameError, answers, authority };
    }
    answers.push(alias);
    name = normalName(alias.values[0]!);
  }
  return { code: RCODE.ok, answers, authority: [] };
}

/**
 * A name above a zone exists without records. Example: a client looks up the CAA record of `com`
 * for `example.com`.
 */
function codeOutside(zones: Zone[], name: string): Answer['code'] {
  if (zones.some(zone => isInZone(zone.name, name))) return RCODE.ok;
  return OURS_ALONE.some(top => isInZone(name, top)) ? RCODE.nameError : RCODE.refused;
}

function closestZone(zones: Zone[], name: string): Zone | undefined {
  let closest: Zone | undefined;
  for (const zone of zones)
    if (isInZone(name, zone.name) && (closest === undefined || zone.name.length > closest.name.length)) closest = zone;
  return closest;
}

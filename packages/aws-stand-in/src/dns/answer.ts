/** What a question gets for an answer, from a set of zones: authority for each, and resolver for all of them. */
import { isInZone, normalName, type RecordSet, type Zone } from './zone.ts';

/** RFC 1035 §4.1.1. */
export const RCODE = { ok: 0, nameError: 3, refused: 5 } as const;

export interface Answer {
  code: (typeof RCODE)[keyof typeof RCODE];
  /** A CNAME comes before what it leads to. */
  answers: RecordSet[];
  /** The SOA of the zone that says no (RFC 2308 §2). */
  authority: RecordSet[];
}

/** Resolvers give up on long chains; BIND at 16. */
const MAX_CHAIN = 16;

/** Top-level names that nobody can register (RFC 6761, RFC 2606): what is in no zone of ours does not exist. */
const OURS_ALONE = ['test', 'example', 'invalid', 'localhost'];

/**
 * Follows CNAMEs from zone to zone and puts the whole chain into one answer, as a resolver does (Pebble reads a single
 * reply). A chain that leaves our zones ends with its last CNAME. The code is that of the chain's last name
 * (RFC 6604 §3).
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

/** A name above a zone exists, and has nothing that we know: `com`, whose CAA is looked up for `example.com`. */
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

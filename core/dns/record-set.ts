/**
 * Values of ours in a TXT record set that others write to as well. The change deletes exactly what was read and
 * creates what shall be: a compare-and-swap, which Route 53 refuses when somebody was faster (an UPSERT would lose
 * their value, and costs twice).
 */

export interface TxtSet {
  /** Seconds. */
  ttl: number;
  /** As in a zone file: quoted; somebody else's may have several strings. Kept as they are. */
  values: string[];
}

export interface TxtChange {
  /** The exact set to delete; undefined where there was none. */
  before?: TxtSet;
  /** The set to create; undefined where nothing is left. */
  after?: TxtSet;
  /** False: what is there is what shall be, and no request is needed. */
  changed: boolean;
}

/**
 * @param present what was read at the name
 * @param change.add bare values; one that is there already is not doubled
 * @param change.remove bare values; one that is not there is no error (retracted before, perhaps by a killed execution)
 * @param change.ttl seconds, for a set with only our values; a set shared with others keeps the shorter one
 */
export function mergeTxt(
  present: TxtSet | undefined,
  change: { add: string[]; remove: string[]; ttl: number },
): TxtChange {
  const held = present?.values ?? [];
  const add = change.add.map(quote);
  const remove = change.remove.map(quote).filter(value => !add.includes(value));
  const kept = held.filter(value => !remove.includes(value));
  const values = [...new Set([...kept, ...add])];
  if (values.length === held.length && values.every(value => held.includes(value))) return { changed: false };
  const others = kept.some(value => !add.includes(value));
  const ttl = present && others ? Math.min(present.ttl, change.ttl) : change.ttl;
  return {
    ...(present && { before: present }),
    ...(values.length > 0 && { after: { ttl, values } }),
    changed: true,
  };
}

/**
 * What it takes where nobody else has values at the name: ours are created, and what is removed is the whole set as we
 * created it. Route 53 refuses it where that is not so.
 */
export function asIfAlone(ttl: number): (change: { add: string[]; remove: string[] }) => TxtChange {
  return ({ add, remove }) => {
    const alone = remove.length > 0 ? { ttl, values: remove.map(quote) } : undefined;
    return mergeTxt(alone, { add, remove, ttl });
  };
}

/** A character-string as zone files write it (RFC 1035 §5.1). */
function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

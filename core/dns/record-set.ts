/**
 * Adds and removes our values in a TXT record set that other parties write to as well. A change
 * deletes exactly the set that was read and creates the new set: a compare-and-swap, which Route 53
 * refuses if another party wrote meanwhile. An UPSERT would lose the other party's value, and costs
 * twice as much.
 */

export interface TxtSet {
  /** Seconds. */
  ttl: number;
  /**
   * Values as in a zone file: quoted. A value of another party may have several strings; it is kept
   * as it is.
   */
  values: string[];
}

export interface TxtChange {
  /** The exact set to delete; absent if there was none. */
  before?: TxtSet;
  /** The set to create; absent if no value is left. */
  after?: TxtSet;
  /** False if the set is already as wanted, and no request is needed. */
  changed: boolean;
}

/**
 * @param present what was read at the name
 * @param change.add bare values; a value that is already there is not added twice
 * @param change.remove bare values; a value that is not there is no error (a killed execution may
 *   have removed it)
 * @param change.ttl seconds, for a set with only our values; a set shared with others keeps the
 *   shorter TTL
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
 * The change for a name at which only we write: our values are created, and a removal deletes the
 * whole set as we created it. Route 53 refuses the change if another party has a value there.
 * @param ttl seconds
 */
export function asIfAlone(ttl: number): (change: { add: string[]; remove: string[] }) => TxtChange {
  return ({ add, remove }) => {
    const alone = remove.length > 0 ? { ttl, values: remove.map(quote) } : undefined;
    return mergeTxt(alone, { add, remove, ttl });
  };
}

/** Writes a character-string as zone files do (RFC 1035 §5.1). */
function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

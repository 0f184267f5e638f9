/**
 * ChangeResourceRecordSets: a batch is valid and applied whole, or refused with all of its
 * mistakes.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { DatabaseSync } from 'node:sqlite';
import { characterStrings, RECORD_TYPES } from '../dns/record-data.ts';
import { isInZone, normalName, type RecordSet, type Zone } from '../dns/zone.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { sortKey } from './tables.ts';
import { AwsError } from '../service/service.ts';

export interface Change {
  action: 'CREATE' | 'UPSERT' | 'DELETE';
  set: RecordSet;
}

/** The limit of a request; an UPSERT counts twice (Route 53 quotas, "API requests"). */
const MAX_RECORDS = 1000;
const MAX_CHARACTERS = 32_000;

/** Record sets of a zone in Route 53's order. */
export function recordSets(
  database: DatabaseSync,
  zone: string,
  start?: { name: string; type?: string },
  limit = -1,
): RecordSet[] {
  const rows = database
    .prepare(
      'SELECT * FROM route53_records WHERE zone = ? AND (sort_key, type) >= (?, ?) ORDER BY sort_key, type LIMIT ?',
    )
    .all(zone, start ? sortKey(start.name) : '', start?.type ?? '', limit);
  return rows.map(toRecordSet);
}

/**
 * The batch as changes.
 * @throws AwsError for what is not done here, and for a malformed batch
 */
export function readBatch(batch: any): Change[] {
  const what = 'route53:ChangeResourceRecordSets';
  refuseOthers(what, batch, ['Comment', 'Changes']);
  return batch.Changes.map((change: any): Change => {
    const given = change.ResourceRecordSet;
    refuseOthers(what, given, ['Name', 'Type', 'TTL', 'ResourceRecords']);
    if (!RECORD_TYPES.includes(given.Type)) refuse(`${what}: the type ${given.Type}`);
    const name = normalName(given.Name);
    if (name.includes('*')) refuse(`${what}: the wildcard ${given.Name}`);
    if (given.TTL === undefined || !given.ResourceRecords?.length) {
      const where = `[Action=${change.Action}, Name=${name}., Type=${given.Type}, SetIdentifier=null]`;
      const one = '[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]';
      throw new AwsError(
        'InvalidInput',
        `Invalid request: Expected exactly one of ${one}, but found none in Change with ${where}`,
      );
    }
    const values = given.ResourceRecords.map(({ Value }: { Value: string }) => Value);
    return { action: change.Action, set: { name, type: given.Type, ttl: given.TTL, values } };
  });
}

/**
 * Applies the batch in one transaction.
 * @throws AwsError InvalidChangeBatch with one message for each mistake; nothing is changed then
 */
export function applyBatch(database: DatabaseSync, zone: { id: string; name: string }, changes: Change[]): void {
  const problems = [...limitProblems(changes), ...combinationProblems(changes)];
  if (problems.length === 0) problems.push(...changes.flatMap(({ set }) => setProblems(set, zone.name)));
  database.exec('BEGIN IMMEDIATE');
  try {
    if (problems.length === 0) for (const change of changes) problems.push(...apply(database, zone.id, change));
    if (problems.length === 0) problems.push(...zoneProblems(database, zone, changes));
    if (problems.length > 0)
      throw new AwsError('InvalidChangeBatch', `[${problems.join(', ')}]`, { fields: { messages: problems } });
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function apply(database: DatabaseSync, zone: string, { action, set }: Change): string[] {
  const key = sortKey(set.name);
  const row = database
    .prepare('SELECT * FROM route53_records WHERE zone = ? AND sort_key = ? AND type = ?')
    .get(zone, key, set.type);
  const current = row && toRecordSet(row);
  const named = `resource record set [name='${set.name}.', type='${set.type}']`;
  if (action === 'DELETE') {
    if (!current) return [`Tried to delete ${named} but it was not found`];
    // Everything except the order of the values is compared: this is the compare of a
    // compare-and-swap.
    const isSame = current.ttl === set.ttl && current.values.toSorted().join('\n') === set.values.toSorted().join('\n');
    if (!isSame) return [`Tried to delete ${named} but the values provided do not match the current values`];
    database
      .prepare('DELETE FROM route53_records WHERE zone = ? AND sort_key = ? AND type = ?')
      .run(zone, key, set.type);
    return [];
  }
  if (action === 'CREATE' && current) return [`Tried to create ${named} but it already exists`];
  database
    .prepare('INSERT OR REPLACE INTO route53_records VALUES (?, ?, ?, ?, ?, ?)')
    .run(zone, set.name, key, set.type, set.ttl, JSON.stringify(set.values));
  return [];
}

function limitProblems(changes: Change[]): string[] {
  const weigh = (of: (set: RecordSet) => number) =>
    changes.reduce((sum, { action, set }) => sum + of(set) * (action === 'UPSERT' ? 2 : 1), 0);
  const problems: string[] = [];
  if (weigh(set => set.values.length) > MAX_RECORDS)
    problems.push(`Number of records limit of ${MAX_RECORDS} exceeded.`);
  if (weigh(set => set.values.join('').length) > MAX_CHARACTERS)
    problems.push(`Number of characters limit of ${MAX_CHARACTERS} exceeded.`);
  return problems;
}

/** A batch changes a record set once, or deletes it and then creates it anew. */
function combinationProblems(changes: Change[]): string[] {
  const actions = new Map<string, string>();
  for (const { action, set } of changes) {
    const key = `'${set.type} ${set.name}.'`;
    actions.set(key, actions.has(key) ? `${actions.get(key)} ${action}` : action);
  }
  return [...actions]
    .filter(([, sequence]) => sequence.includes(' ') && sequence !== 'DELETE CREATE')
    .map(([key]) => `The request contains an invalid set of changes for a resource record set ${key}`);
}

function setProblems(set: RecordSet, zone: string): string[] {
  if (!isInZone(set.name, zone)) return [`RRSet with DNS name ${set.name}. is not permitted in zone ${zone}.`];
  if (set.type === 'CNAME' && set.name === zone)
    return [`RRSet of type CNAME with DNS name ${set.name}. is not permitted at apex in zone ${zone}.`];
  const problems = set.values.flatMap(value => {
    const problem = valueProblem(set.type, value);
    return problem ? [`Invalid Resource Record: FATAL problem: ${problem} encountered with '${value}'`] : [];
  });
  const twice = set.values.find((value, index) => set.values.indexOf(value) < index);
  if (twice !== undefined) problems.push(`Duplicate Resource Record: '${twice}'`);
  return problems;
}

function valueProblem(type: string, value: string): string | undefined {
  switch (type) {
    case 'TXT':
      if (!/^\s*("(\\.|[^"\\])*"\s*)+$/s.test(value))
        return 'InvalidCharacterString (Value should be enclosed in quotation marks)';
      if (characterStrings(value).some(text => Buffer.byteLength(text) > 255))
        return 'CharacterStringTooLong (Value is too long)';
      return undefined;
    case 'A':
      return isIPv4(value) ? undefined : 'ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)';
    case 'AAAA':
      return isIPv6(value) ? undefined : 'AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)';
    case 'CAA':
      return /^\d{1,3} [a-z0-9]+ "[^"]*"$/i.test(value)
        ? undefined
        : 'CAARRDATAIllegal (Value is not "flags tag \\"value\\"")';
    case 'MX':
      return /^\d{1,5} \S+$/.test(value) ? undefined : 'MXRRDATAIllegal (Value is not "preference host")';
    default:
      return undefined;
  }
}

/**
 * Mistakes that show only when the whole batch is applied: a CNAME beside other records, an apex
 * without SOA or NS.
 */
function zoneProblems(database: DatabaseSync, zone: { id: string; name: string }, changes: Change[]): string[] {
  const problems: string[] = [];
  for (const { action, set } of changes) {
    if (action === 'DELETE') continue;
    const types = database
      .prepare('SELECT type FROM route53_records WHERE zone = ? AND sort_key = ?')
      .all(zone.id, sortKey(set.name));
    if (types.length > 1 && types.some(({ type }) => type === 'CNAME'))
      problems.push(
        `RRSet of type ${set.type} with DNS name ${set.name}. is not permitted as it conflicts with other records with the same DNS name in zone ${zone.name}.`,
      );
  }
  const apex = recordSets(database, zone.id, { name: zone.name }, RECORD_TYPES.length).filter(
    ({ name }) => name === zone.name,
  );
  if (!apex.some(({ type }) => type === 'SOA')) problems.push('A HostedZone must contain exactly one SOA record.');
  if (!apex.some(({ type }) => type === 'NS'))
    problems.push('A HostedZone must contain at least one NS record for the zone itself.');
  return problems;
}

function toRecordSet(row: Record<string, unknown>): RecordSet {
  return {
    name: row.name as string,
    type: row.type as string,
    ttl: row.ttl as number,
    values: JSON.parse(row.record_values as string),
  };
}

/** Changes what the name servers answer with. */
export function serve(zone: Zone | undefined, changes: Change[]): void {
  for (const { action, set } of zone ? changes : []) {
    const others = (zone!.records.get(set.name) ?? []).filter(({ type }) => type !== set.type);
    const now = action === 'DELETE' ? others : [...others, set];
    if (now.length > 0) zone!.records.set(set.name, now);
    else zone!.records.delete(set.name);
  }
}

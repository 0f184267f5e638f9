/**
 * Which stack has which resource, by the resource's type and its physical id. An id belongs to one
 * resource of the account and region, as in CloudFormation.
 */
import type { Cloud, Resource } from '../service/service.ts';

interface Made {
  stackName: string;
  type: string;
}

const TABLE =
  'CREATE TABLE IF NOT EXISTS template_resources (stack TEXT, logical_id TEXT, type TEXT, ref TEXT, PRIMARY KEY (stack, logical_id))';

/** A queue's Ref is its URL, whose port may change at each start. */
const kept = (cloud: Cloud, ref: string) => ref.replace(cloud.endpoint, '');

/**
 * @returns a check of each resource of one load
 * @throws Error in CloudFormation's words if another resource has the physical id
 */
export function uniqueIds(cloud: Cloud): (made: Made, resource: Resource) => void {
  cloud.database.exec(TABLE);
  const other = cloud.database.prepare(
    'SELECT stack FROM template_resources WHERE type = ? AND ref = ? AND stack <> ?',
  );
  const seen = new Set<string>();
  return ({ stackName, type }, { ref }) => {
    const id = kept(cloud, ref);
    const stack = other.get(type, id, stackName)?.stack ?? (seen.has(`${type} ${id}`) ? stackName : undefined);
    if (stack !== undefined) throw new Error(`${ref} already exists in stack ${String(stack)}`);
    seen.add(`${type} ${id}`);
  };
}

/**
 * Stores what this load made, and logs what an earlier load made that the template does not have
 * any more.
 */
export function remember(
  cloud: Cloud,
  {
    stackName,
    types,
    resources,
  }: { stackName: string; types: Map<string, string>; resources: Record<string, Resource> },
): void {
  const { database } = cloud;
  const refs = Object.fromEntries(Object.entries(resources).map(([id, { ref }]) => [id, kept(cloud, ref)]));
  database.exec(TABLE);
  const before = database
    .prepare('SELECT logical_id AS logicalId, type, ref FROM template_resources WHERE stack = ?')
    .all(stackName);
  for (const { logicalId, type, ref } of before) {
    const now = refs[String(logicalId)];
    if (now === ref) continue;
    const fate = now === undefined ? 'is no longer in the template' : `is now ${now}`;
    cloud.log(
      `WARNING: ${stackName}: ${logicalId} (${type}, ${ref}) ${fate}. AWS would delete the old one; here it stays and still acts, until "down".`,
    );
  }
  const rows = Object.entries(refs).map(([logicalId, ref]) => [logicalId, types.get(logicalId), ref]);
  // New rows are added before old ones are removed, so that a kill between the two forgets nothing.
  const names = JSON.stringify(Object.keys(refs));
  database
    .prepare(
      'INSERT OR REPLACE INTO template_resources SELECT ?, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)',
    )
    .run(stackName, JSON.stringify(rows));
  database
    .prepare('DELETE FROM template_resources WHERE stack = ? AND logical_id NOT IN (SELECT value FROM json_each(?))')
    .run(stackName, names);
}

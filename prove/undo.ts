/** Takes back what prove has made. Each part may be repeated, and then does nothing. */
import { putOne } from './events.ts';
import { untilRemoved } from './domain-steps.ts';
import { removeRecords } from './records.ts';
import type { At } from './subject.ts';

/** True if a run before this one has left the domain. */
export async function isLeft({ store, subject: { server, domain } }: At): Promise<boolean> {
  const [record, installed] = [await store.readDomain(domain), await store.installed({ server, domain })];
  return installed !== undefined || (record?.spec !== undefined && !record.spec.deleted);
}

export async function removeDomain(at: At): Promise<void> {
  if (await isLeft(at)) {
    await putOne(at, { detailType: 'Domain Deleted', detail: { domain: at.subject.domain } });
    await untilRemoved(at);
  }
  await removeRecords(at);
}

/** @returns a line for each part that could not be taken back, with what a person does */
export async function undo(at: At): Promise<string[]> {
  const { domain, server, isNew, zone } = at.subject;
  const failed: string[] = [];
  const attempt = async (remedy: string, part: () => Promise<unknown>) => {
    await part().catch((error: Error) => failed.push(`${error.message}. ${remedy}`));
  };
  await attempt(`Put Domain Deleted for ${domain}, and remove its records from ${zone.name}.`, () => removeDomain(at));
  if (isNew)
    await attempt(`Put Mail Server Retired for ${server}.`, () =>
      putOne(at, { detailType: 'Mail Server Retired', detail: { server } }),
    );
  return failed;
}

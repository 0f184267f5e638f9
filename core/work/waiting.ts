/**
 * The work of a server: what may be delivered now, and when more may. All work is read, page by
 * page, so that work that must wait never hides work that may be delivered.
 */
import type { WorkStore } from '../ports/work-store.ts';
import { goesAlong, isDeliverable, type ServerRecord, type Work } from '../record/server.ts';
import { MAX_ENTRIES } from '../record/delivery.ts';

/** Work in the order of the domains' names, a page at a time. */
export async function* waiting(server: string, store: Pick<WorkStore, 'work'>): AsyncGenerator<Work[]> {
  let after: string | undefined;
  do {
    const page = await store.work(server, MAX_ENTRIES, after);
    if (page.length > 0) yield page;
    after = page.length === MAX_ENTRIES ? page.at(-1)!.domain : undefined;
  } while (after !== undefined);
}

/**
 * Calm work is added to work that may be delivered now; alone it makes no delivery before its time.
 * The work for the server's own host name comes first, since all other work may depend on it.
 * @returns as much work as one delivery takes
 */
export async function ripeWork(
  server: ServerRecord,
  store: Pick<WorkStore, 'work' | 'workFor'>,
  now: number,
): Promise<Work[]> {
  const ripe: Work[] = [];
  const calm: Work[] = [];
  const own = await store.workFor({ server: server.server, domain: server.server });
  const sort = (work: Work) => {
    if (isDeliverable(server, work, now)) ripe.push(work);
    else if (goesAlong(server, work)) calm.push(work);
  };
  if (own) sort(own);
  for await (const page of waiting(server.server, store)) {
    for (const work of page) if (work.domain !== server.server) sort(work);
    if (ripe.length >= MAX_ENTRIES) break;
  }
  return ripe.length === 0 ? [] : [...ripe, ...calm].slice(0, MAX_ENTRIES);
}

/**
 * @returns now when something may be delivered, else the earliest moment that work waits for;
 *   undefined where nothing waits for a moment
 */
export async function nextRipe(
  server: ServerRecord,
  store: Pick<WorkStore, 'work'>,
  now: number,
): Promise<number | undefined> {
  let earliest: number | undefined;
  for await (const page of waiting(server.server, store))
    for (const work of page) {
      if (isDeliverable(server, work, now)) return now;
      if (work.notBefore !== undefined && work.notBefore > now)
        earliest = Math.min(earliest ?? work.notBefore, work.notBefore);
    }
  return earliest;
}

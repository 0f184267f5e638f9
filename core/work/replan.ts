/** What a server can do was looked at: the domains that hang on it are looked at again. */
import type { Clock } from '../clock.ts';
import { reEvaluate } from './re-evaluate.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { ServerRecord } from '../record/server.ts';
import { servesByName } from '../record/capability.ts';
import type { Executions } from '../ports/executions.ts';

/** Domains that are begun at once; the sweep begins the others, within a minute. */
const BEGUN_AT_ONCE = 25;
/** Domains told at once: each is two writes. */
const BATCH = 10;

/** After the capability is on record: who notes that he hangs on it looks at it after his note. */
export async function replanDomains(
  server: ServerRecord,
  {
    store,
    executions,
    clock,
  }: {
    store: Pick<WaitingStore, 'wakeDependents'> & Pick<WorkStore, 'allInstalled'> & Pick<DomainStore, 'lookAgain'>;
    executions: Executions;
    clock: Clock;
  },
): Promise<void> {
  const { first } = await store.wakeDependents(server.server, { now: clock.now(), first: BEGUN_AT_ONCE });
  for (const domain of first) await reEvaluate(domain, { executions, clock });
  if (servesByName(server)) return;
  // It may have served by name before: what it still has is taken from it where nothing needs it there.
  const held = (await store.allInstalled(server.server)).map(({ domain }) => domain);
  const domains = held.filter(domain => domain !== server.server && !first.includes(domain));
  for (let i = 0; i < domains.length; i += BATCH)
    await Promise.all(domains.slice(i, i + BATCH).map(domain => store.lookAgain(domain, clock.now())));
}

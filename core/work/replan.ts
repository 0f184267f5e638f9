/** Re-evaluates the domains that depend on what a server can do, after an inspection. */
import type { Clock } from '../clock.ts';
import { reEvaluate } from './re-evaluate.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { ServerRecord } from '../record/server.ts';
import { servesByName } from '../record/capability.ts';
import type { Executions } from '../ports/executions.ts';

/** Executions that are started here; the sweep starts the others within a minute. */
const BEGUN_AT_ONCE = 25;
/** Domains whose records are changed side by side: each is two writes. */
const BATCH = 10;

/**
 * The caller has recorded the capability. A domain is on record as a dependent before it reads the
 * capability, so that one of the two sees the other.
 */
export async function replanDomains(
  server: ServerRecord,
  {
    store,
    executions,
    clock,
  }: {
    store: Pick<WaitingStore, 'wakeDependents'> &
      Pick<WorkStore, 'allInstalled'> &
      Pick<DomainStore, 'askReEvaluation'>;
    executions: Executions;
    clock: Clock;
  },
): Promise<void> {
  const { first } = await store.wakeDependents(server.server, { now: clock.now(), first: BEGUN_AT_ONCE });
  for (const domain of first) await reEvaluate(domain, { executions, clock });
  if (servesByName(server)) return;
  // The server may have served by name before. The evaluation of such a domain removes what nothing
  // needs there any more.
  const held = (await store.allInstalled(server.server)).map(({ domain }) => domain);
  const domains = held.filter(domain => domain !== server.server && !first.includes(domain));
  for (let i = 0; i < domains.length; i += BATCH)
    await Promise.all(domains.slice(i, i + BATCH).map(domain => store.askReEvaluation(domain, clock.now())));
}

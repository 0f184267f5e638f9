/**
 * LastGuard: pages a person for what is served and about to end, whatever sealpost believes about
 * its domain, its work and its server. What to page is decided by two facts alone: the dates of the
 * leaf that was last seen served there, and what people have asked for. What the ordinary road has
 * computed is read afterwards, for the reason, and missing words stop no page. A wish that cannot
 * be read does not say that nobody wants the domain there, so it stops no page either.
 */
import type { Clock } from '../clock.ts';
import type { EventOut } from '../events/events-out.ts';
import type { Bus } from '../ports/bus.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { Ending, ServedStore } from '../ports/served-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { serversOf, type DomainRecord } from '../record/domain.ts';
import { GUARDED_MS } from '../record/life.ts';
import { reasonFor } from './reason.ts';

type EndingEvent = Extract<EventOut, { detailType: 'Served Certificate Approaching Expiration' }>;

export interface GuardPorts {
  store: ServedStore &
    Pick<DomainStore, 'readDomain'> &
    Pick<ServerStore, 'readServer'> &
    Pick<WorkStore, 'installed' | 'workFor'>;
  bus: Bus;
  clock: Clock;
}

const DAY = 86_400_000;
/** Endings that are read a day. More than these have one cause. */
const MOST = 5_000;
/** Pages a day: a person reads no more, and the last one says how many servers are left out. */
const PAGES = 50;
/** Domains that a page names. */
const NAMED = 20;
/** Records read side by side. */
const AT_ONCE = 20;
/** An end is paged until a day after it. `sealpost status` shows the expired ones. */
const PAGED_AFTER_MS = DAY;

/**
 * Called every hour. The first call of a UTC day that finds an ending pages, so that a person is
 * paged once a day. A call that fails before its day is recorded pages again: twice is better than
 * never.
 * @returns `endings`: what ends soon; `paged`: servers that were paged now
 * @throws AggregateError if a wish could not be read, after everything was paged: such a call
 *   counts for the alarm of a silent guard
 */
export async function guard(ports: GuardPorts): Promise<{ endings: number; paged: number }> {
  const { errors, found, ...guarded } = await page(ports);
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${found} wishes could not be read: ${String(errors[0])}`);
  return guarded;
}

/** @returns `errors`: those of wishes that could not be read, of `found` */
async function page({ store, bus, clock }: GuardPorts) {
  const now = clock.now();
  const errors: unknown[] = [];
  const day = Math.floor(now / DAY);
  // No guard begins earlier before an end. Without this bound, what ended long ago and is still on
  // record would come first and fill the limit.
  const from = now - GUARDED_MS - PAGED_AFTER_MS;
  const guarded = await store.endings({ from, now, limit: MOST });
  const found = guarded.filter(({ life }) => now < life.notAfter + PAGED_AFTER_MS);
  const wanted: Wanted[] = [];
  const wantedOf = (one: Ending) =>
    isWanted(one, store).catch((error: unknown) => {
      errors.push(error);
      return one.server === undefined ? [] : [{ ...one, at: one.server }];
    });
  for (let i = 0; i < found.length; i += AT_ONCE)
    wanted.push(...(await Promise.all(found.slice(i, i + AT_ONCE).map(wantedOf))).flat());
  const counts = { errors, found: found.length, endings: wanted.length };
  if (wanted.length === 0 || (await store.pagedOn()) === day) return { ...counts, paged: 0 };
  const servers = [...Map.groupBy(wanted, ({ at }) => at)].sort(([, a], [, b]) => soonest(a) - soonest(b));
  const events: EndingEvent[] = [];
  for (const [server, endings] of servers.slice(0, PAGES)) {
    const [first] = endings.toSorted((a, b) => a.life.notAfter - b.life.notAfter);
    const { reason, message } = await reasonFor({ ...first!, server }, { store });
    events.push({
      detailType: 'Served Certificate Approaching Expiration',
      detail: {
        server,
        count: endings.length,
        domains: endings.slice(0, NAMED).map(({ domain }) => domain),
        notAfter: new Date(first!.life.notAfter).toISOString(),
        reason,
        message: `${first!.domain}: ${message}`,
        moreServers: Math.max(0, servers.length - PAGES),
      },
    });
  }
  await bus.put(events);
  await store.recordPage(day);
  return { ...counts, paged: events.length };
}

/** `record` is absent if it could not be read. */
type Wanted = Ending & { at: string; record?: DomainRecord };

const soonest = (endings: Ending[]) => Math.min(...endings.map(({ life }) => life.notAfter));

/**
 * What no wish names there any more may end. A foreign certificate is over once a newer leaf was
 * seen on each of the domain's servers.
 */
async function isWanted(ending: Ending, store: GuardPorts['store']): Promise<Wanted[]> {
  const record = await store.readDomain(ending.domain);
  const servers = record?.spec ? serversOf(record.spec) : [];
  if (!record || servers.length === 0) return [];
  if (ending.server !== undefined)
    return servers.includes(ending.server) ? [{ ...ending, at: ending.server, record }] : [];
  const seen = await Promise.all(servers.map(server => store.installed({ server, domain: ending.domain })));
  const at = servers.find((_, i) => !(seen[i] && seen[i].seenAt > ending.seenAt));
  if (at !== undefined) return [{ ...ending, at, record }];
  await store.forgetForeign(ending);
  return [];
}

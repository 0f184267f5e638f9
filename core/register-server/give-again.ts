/** What a server that is registered receives again, and what is removed there. */
import type { Clock } from '../clock.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { serversOf, type DomainRecord } from '../record/domain.ts';
import { certificatesOf, hasAny } from '../record/provided.ts';
import type { Installed } from '../record/server.ts';
import { waiting } from '../work/waiting.ts';

type Works = Parameters<WorkStore['giveAgain']>[1];
type Ports = { store: DomainStore & WorkStore; clock: Clock };

/** Domains read side by side. */
const BATCH = 20;

/**
 * A rebuilt instance (the same name, another node) has nothing of what the old node served. All
 * that another node was seen serving is given to the new one. Waiting work is given anew, too,
 * because a step that records an answer of the old node deletes the work that was delivered there.
 * What no wish wants there any more is removed: a server that was retired may return with it on its
 * disk. The record alone says what is left to give, so a killed step continues. Work is read before
 * what is installed: work is deleted only after its domain is on record as installed.
 * @param registered.since when the registration was sent: what was refused before is offered now
 * @returns true if this node was seen serving something: a daemon that is adopted only now does not
 *   have that yet, which an audit finds
 */
export async function giveAgain(
  { server, node, since }: { server: string; node: string; since: number },
  ports: Ports,
): Promise<boolean> {
  const { store, clock } = ports;
  const give = (works: Works) => (works.length === 0 ? true : store.giveAgain({ server, node }, works, clock.now()));
  const known = new Set<string>();
  for await (const page of waiting(server, store)) {
    for (const { domain } of page) known.add(domain);
    const works = page.flatMap(({ domain, certificate, provided, host, v, node: givenTo }) =>
      certificate === 'REMOVE' || (givenTo === node && v >= since)
        ? []
        : [{ domain, certificate, provided, ...(host && { host }), over: v }],
    );
    if (!(await give(works))) return false;
  }
  const all = await store.allInstalled(server);
  const installed = all.filter(({ domain }) => !known.has(domain));
  for (let i = 0; i < installed.length; i += BATCH) {
    const works = await Promise.all(installed.slice(i, i + BATCH).map(one => workFor(one, { server, node }, ports)));
    if (!(await give(works.flat()))) return false;
  }
  return all.some(one => one.node === node);
}

async function workFor(
  { domain, node: seenOn }: Installed,
  { server, node }: { server: string; node: string },
  { store, clock }: Ports,
): Promise<Works> {
  const record = await store.readDomain(domain);
  if (record?.spec && serversOf(record.spec).includes(server))
    return seenOn === node ? [] : wanted(record, clock.now());
  // The domain's evaluation removes it once the servers of its wish serve it.
  if (record?.servers?.includes(server)) await store.askReEvaluation(domain, clock.now());
  else return [{ domain, certificate: 'REMOVE' }];
  return [];
}

function wanted(record: DomainRecord, now: number): Works {
  const certificates = certificatesOf(record, now);
  return hasAny(certificates)
    ? [{ domain: record.domain, ...certificates, ...(record.spec?.host && { host: true }) }]
    : [];
}

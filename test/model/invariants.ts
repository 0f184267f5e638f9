/**
 * What always holds, under the names by which docs/protocol.md says it ("What always holds"). Each
 * check returns what contradicts its sentence.
 */
import type { DomainRecord } from '../../core/record/domain.ts';
import { serversOf } from '../../core/record/domain.ts';
import type { ServerRecord } from '../../core/record/server.ts';
import type { Universe } from './universe.ts';

type Check = (universe: Universe) => string[];

const domainsOf = ({ world }: Universe) => [...world.memory.domains.values()];
const serversIn = ({ world }: Universe) => [...world.memory.servers.values()].filter(({ node }) => node !== undefined);
const isLive = ({ spec }: DomainRecord) => spec !== undefined && !spec.deleted;
const diskOf = ({ nodes }: Universe, { node }: Pick<ServerRecord, 'node'>) => nodes.get(node)!.disk;

/** Each of a live domain's certificates that is on record, and is to be served. */
const certificates = ({ current, provided }: DomainRecord, now: number) =>
  [current, provided?.mail, provided?.webmail].flatMap(one => (one && one.notAfter > now ? [one] : []));

/** Hold at every moment. */
export const always: Record<string, Check> = {
  'no surprise': ({ steps }) => steps.unforeseen,

  'seen before installed': universe =>
    [...universe.world.memory.installed.values()].flatMap(installed =>
      [...installed.values()].flatMap(({ domain, node, fingerprint, provided = {} }) =>
        [fingerprint, ...Object.values(provided)].flatMap(leaf =>
          leaf === undefined || node === undefined || universe.nodes.get(node)!.history.has(`${domain} ${leaf}`)
            ? []
            : [`${node} never served ${leaf} of ${domain}`],
        ),
      ),
    ),

  'current keys': universe =>
    domainsOf(universe)
      .filter(isLive)
      .flatMap(record =>
        certificates(record, universe.time).flatMap(({ id }) =>
          ['key', 'chain'].flatMap(part =>
            universe.world.objects.has(`certificates/${record.domain}/${id}/${part}`)
              ? []
              : [`${record.domain} has no ${part} of ${id.slice(0, 8)}`],
          ),
        ),
      ),

  'orders within limits': ({ cas }) => cas.flatMap(({ overdrawn }) => overdrawn),
};

/** Hold once nothing goes wrong any more and nothing is under way. */
export const afterwards: Record<string, Check> = {
  'no claim left': universe =>
    [...domainsOf(universe), ...serversIn(universe)].flatMap(one =>
      one.owner === undefined ? [] : [`${'domain' in one ? one.domain : one.server} belongs to ${one.owner}`],
    ),

  'due before the end': universe => [
    ...domainsOf(universe)
      .filter(isLive)
      .flatMap(record => {
        // Beside two provided certificates ours is not renewed. It leaves the servers when it ends.
        const leaves = wantedOf(record, universe.time)['all'] === undefined ? record.current?.id : undefined;
        const ends = certificates(record, universe.time).map(({ id, notAfter }) => notAfter + Number(id === leaves));
        const end = Math.min(...ends);
        return (record.dueAt ?? Infinity) < Math.min(end, Number.MAX_VALUE)
          ? []
          : [`${record.domain} is due ${when(record.dueAt)}, what is served ends ${when(end)}`];
      }),
    ...serversIn(universe).flatMap(({ server, dueAt, held }) =>
      dueAt !== undefined || held !== undefined ? [] : [`${server} is never due`],
    ),
  ],

  'what is wished is served': universe =>
    domainsOf(universe)
      .filter(isLive)
      .flatMap(record =>
        serversOf(record.spec!).flatMap(name => {
          const server = serversIn(universe).find(one => one.server === name);
          const parked = record.parked && `parked: ${record.parked.reason} ${record.parked.message}`;
          if (!server)
            return parked ? [] : [`${record.domain} wants ${name}, which is not registered, and is not parked`];
          const isWhole = serversOf(record.spec!).every(one =>
            serversIn(universe).some(({ server }) => server === one),
          );
          if (parked && isWhole) return [`${record.domain} is ${parked}`];
          const served = diskOf(universe, server).get(record.domain);
          const wanted = wantedOf(record, universe.time);
          return Object.entries(wanted).flatMap(([use, leaf]) =>
            served?.get(use)?.fingerprint === leaf || !record.current
              ? []
              : [
                  `${name} serves ${served?.get(use)?.fingerprint.slice(0, 8)} for ${use} of ${record.domain}, not ${leaf?.slice(0, 8)}`,
                ],
          );
        }),
      ),

  'what has left is not served': universe =>
    serversIn(universe).flatMap(server =>
      [...diskOf(universe, server).keys()].flatMap(domain => {
        const record = universe.world.memory.domains.get(domain);
        const wished = record?.spec && serversOf(record.spec);
        if (wished?.includes(server.server)) return [];
        // A server keeps a domain until the servers of its wish serve it.
        const waits = wished?.some(name => !serversIn(universe).some(one => one.server === name));
        return waits && !record?.spec?.deleted ? [] : [`${server.server} still serves ${domain}`];
      }),
    ),

  'no object without a record': universe =>
    [...universe.world.objects.keys()].flatMap(key => {
      const [folder, domain, id] = key.split('/');
      if (folder === 'deliveries') return [key];
      if (folder !== 'certificates') return [];
      return idsOf(universe.world.memory.domains.get(domain!)).includes(id!) ? [] : [key];
    }),

  'no key without a use': universe =>
    domainsOf(universe)
      .filter(record => isLive(record) && !record.parked && !record.retired)
      .flatMap(record => {
        const used = [record.current, record.provided?.mail, record.provided?.webmail].map(one => one?.id);
        return [...(record.superseded ?? []), ...(record.elsewhere ?? [])]
          .filter(id => !used.includes(id))
          .map(id => `${record.domain} still has the old key of ${id.slice(0, 8)}`);
      }),
};

/** Hold while time passes and nothing goes wrong. */
export const whileServed: Record<string, Check> = {
  'nothing served is expired': universe =>
    domainsOf(universe)
      .filter(isLive)
      .flatMap(record =>
        serversOf(record.spec!).flatMap(name => {
          const server = serversIn(universe).find(one => one.server === name);
          const served = server && diskOf(universe, server).get(record.domain);
          const over = [...(served?.values() ?? [])].filter(({ notAfter }) => notAfter <= universe.time);
          return over.map(({ notAfter }) => `${name} serves ${record.domain}, expired ${when(notAfter)}`);
        }),
      ),
};

/** The names of all sentences, in the order of docs/protocol.md. */
export const sentences = ['it converges', ...[always, afterwards, whileServed].flatMap(checks => Object.keys(checks))];

/** The leaf that a server of the wish is to serve, by use. */
function wantedOf({ current, provided }: DomainRecord, now: number): Record<string, string | undefined> {
  const due = Object.entries(provided ?? {}).filter(([, one]) => one.renewAt > now);
  return Object.fromEntries([
    ...(due.length === 2 ? [] : [['all', current?.fingerprint]]),
    ...due.map(([use, { fingerprint }]) => [use, fingerprint]),
  ]);
}

function idsOf(record: DomainRecord | undefined): string[] {
  const { current, superseded = [], elsewhere = [], order } = record ?? {};
  return [...superseded, ...elsewhere, ...[current?.id, order?.certificate].filter(id => id !== undefined)];
}

function when(at: number | undefined): string {
  return at === undefined || !Number.isFinite(at) ? 'never' : new Date(at).toISOString().slice(0, 19);
}

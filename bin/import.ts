/** `sealpost import`: a provider's domains from a table. A dry run, unless told to go; then at the issuer's pace. The record is the table in DynamoDB: what is known is skipped, so it may be stopped and started again. */
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Issuer } from '../core/acme/issuer.ts';
import { showDomain } from '../core/certificate/names.ts';
import { serversOf, type Foreign, type Wish } from '../core/record/domain.ts';
import type { Store } from '../core/ports/store.ts';
import { planImport, PRICES } from './import-plan.ts';
import type { Problem, Row, Table } from './import-rows.ts';
import type { Parked } from '../core/record/parked.ts';

export interface ImportPorts {
  store: Pick<Store, 'readDomain' | 'readServer' | 'acceptWish'>;
  issuer: Pick<Issuer, 'name' | 'limits'>;
  /** What is served for the wish already, where that is good. */
  seen: (wish: Wish) => Promise<Foreign | undefined>;
  now: () => number;
  print: (line: string) => void;
  /** A terminal gets a bar, others a line now and then. */
  progress: (what: string, total: number) => Progress;
  /** Between two looks at what is under way. */
  everyMs: number;
}

export interface Progress {
  at(done: number): void;
  end(): void;
}

/** Domains with an order on the road at once: those that wait for the issuer's budget count, so no more are begun than it lets through. */
const ORDERS_UNDER_WAY = 50;
/** Domains that are left to another's certificate cost one look each: what the sweep takes in a minute. */
const LEFT_UNDER_WAY = 1_000;
/** Reads and looks at once. */
const BATCH = 20;

interface Sorted {
  fresh: { row: Row; foreign?: Foreign }[];
  known: number;
  /** Of these, by an import that was stopped for one. */
  parked: number;
  problems: Problem[];
  /** By server, how many of the domains name it. */
  missing: Map<string, number>;
}

/** @param isDone false: a dry run @returns whether every row was good, and every domain came where it should */
export async function importTable(table: Table, isDone: boolean, ports: ImportPorts): Promise<boolean> {
  const { print, issuer } = ports;
  const sorted = await sort(table.rows, ports);
  const problems = [...table.problems, ...sorted.problems].sort((a, b) => a.line - b.line);
  for (const { line, field, text } of problems) print(`line ${line}${field ? `, ${field}` : ''}: ${text}`);
  for (const { line, of } of table.repeated) print(`line ${line} says the same as line ${of}`);
  for (const [server, count] of sorted.missing)
    print(`${server} is not registered: ${count} domains wait for it; put Mail Server Registered`);
  const { fresh, known, parked } = sorted;
  const leftToOthers = fresh.filter(one => one.foreign).length;
  const plan = planImport({ orders: fresh.length - leftToOthers, leftToOthers }, issuer);
  const hours = plan.hours === undefined ? 'no limit of it is known' : `${plan.hours.toFixed(1)} hours by its limit`;
  print(
    `${fresh.length} new, ${known} known already${parked > 0 ? ` (${parked} of them parked: npx sealpost status says why)` : ''}, ${problems.length} bad rows. ` +
      `${plan.orders} orders at ${issuer.name} (${hours}); ${leftToOthers} are served with a good certificate and are due when it runs low. ` +
      `${plan.transitions} transitions, ${plan.dollars.toFixed(2)} dollars (list prices of ${PRICES.read}, each delivered alone).`,
  );
  if (!isDone) {
    print('Nothing was done: this was a dry run; --go does it.');
    return problems.length === 0;
  }
  const stuck = await go(fresh, ports);
  return problems.length === 0 && stuck === 0;
}

async function sort(rows: Row[], { store, seen, progress }: ImportPorts): Promise<Sorted> {
  const sorted: Sorted = { fresh: [], known: 0, parked: 0, problems: [], missing: new Map() };
  const servers = new Map<string, Promise<boolean>>();
  const isRegistered = (server: string) => {
    if (!servers.has(server))
      servers.set(
        server,
        store.readServer(server).then(record => record !== undefined),
      );
    return servers.get(server)!;
  };
  const one = async (row: Row) => {
    const { wish, line } = row;
    const [record, host] = await Promise.all([store.readDomain(wish.domain), isRegistered(wish.domain)]);
    const problem = (text: string) => void sorted.problems.push({ line, field: 'domain', text });
    if (host) return problem(`${wish.domain} is the host name of a mail server, which is secured by itself`);
    if (record?.spec && !record.spec.deleted) {
      if (isDeepStrictEqual(record.spec, wish)) {
        sorted.known++;
        if (record.parked) sorted.parked++;
        return;
      }
      return problem(`${wish.domain} is known with another wish; put Domain Changed`);
    }
    const missing: string[] = [];
    for (const server of serversOf(wish)) if (!(await isRegistered(server))) missing.push(server);
    for (const server of missing) sorted.missing.set(server, (sorted.missing.get(server) ?? 0) + 1);
    const foreign = missing.length > 0 ? undefined : await seen(wish);
    sorted.fresh.push({ row, ...(foreign && { foreign }) });
  };
  const bar = progress('looked at', rows.length);
  for (let i = 0; i < rows.length; i += BATCH) {
    await Promise.all(rows.slice(i, i + BATCH).map(one));
    bar.at(Math.min(rows.length, i + BATCH));
  }
  bar.end();
  sorted.fresh.sort((a, b) => a.row.line - b.row.line);
  return sorted;
}

/** @returns how many came to a park */
async function go(fresh: Sorted['fresh'], ports: ImportPorts): Promise<number> {
  const bar = ports.progress('taken up', fresh.length);
  let [done, parked] = [0, 0];
  const ended = (domain: string, reason: Parked | undefined) => {
    bar.at(++done);
    if (!reason) return;
    parked++;
    ports.print(`${showDomain(domain)}: ${reason.reason}: ${reason.message}`);
  };
  const [left, ordered] = [true, false].map(isLeft =>
    fresh.filter(({ foreign }) => isLeft === (foreign !== undefined)),
  );
  await Promise.all([takeUp(left!, LEFT_UNDER_WAY, ended, ports), takeUp(ordered!, ORDERS_UNDER_WAY, ended, ports)]);
  bar.end();
  ports.print(
    `${done} taken up, ${parked} of them parked with a reason; npx sealpost status shows where each was seen served.`,
  );
  return parked;
}

/** @param ended told of each domain that is at rest, and why it is parked, if it is */
async function takeUp(
  fresh: Sorted['fresh'],
  most: number,
  ended: (domain: string, parked: Parked | undefined) => void,
  { store, now, everyMs }: ImportPorts,
): Promise<void> {
  const underWay = new Set<string>();
  let next = 0;
  while (next < fresh.length || underWay.size > 0) {
    for (; next < fresh.length && underWay.size < most; next++) {
      const { row, foreign } = fresh[next]!;
      await store.acceptWish(row.wish, { at: now() }, now(), foreign);
      underWay.add(row.wish.domain);
    }
    for (const domain of [...underWay]) {
      const record = await store.readDomain(domain);
      const waits = record?.parked?.reason === 'BudgetSpent';
      const isAtRest = record?.owner === undefined && record !== undefined && record.done >= record.wanted;
      if (record && (!isAtRest || waits)) continue;
      underWay.delete(domain);
      ended(domain, record?.parked);
    }
    if (underWay.size > 0) await sleep(everyMs);
  }
}

/** A bar on a terminal, and a line each tenth elsewhere. */
export function progressOn(output: NodeJS.WriteStream): ImportPorts['progress'] {
  return (what, total) => {
    if (output.isTTY) {
      const bar = new SingleBar({ stream: output, format: `${what} {value} of {total} [{bar}] {eta_formatted} left` });
      bar.start(total, 0);
      return { at: done => bar.update(done), end: () => bar.stop() };
    }
    let tenth = 0;
    return {
      at(done) {
        const now = Math.floor((done * 10) / total);
        if (now > tenth) output.write(`${what} ${done} of ${total}\n`);
        tenth = Math.max(tenth, now);
      },
      end() {},
    };
  };
}

/**
 * `sealpost import`: a provider's domains from a CSV file. Without `--go` it is a dry run; with
 * `--go` it begins the domains at the issuer's pace. The record is the table in DynamoDB: a domain
 * that is known is skipped, so that an import can be stopped and started again.
 */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { showDomain } from '../core/certificate/names.ts';
import { serversOf, type Foreign } from '../core/record/domain.ts';
import { lifeOfForeign } from '../core/record/life.ts';
import type { Answer, Here, Importing } from './here.ts';
import { planImport, PRICES } from './import-plan.ts';
import { readTable, type Problem, type Row, type Table } from './import-rows.ts';
import type { Source } from './import-sources.ts';
import { mistyped } from './refusal.ts';
import type { Parked } from '../core/record/parked.ts';

export interface ImportPorts extends Importing {
  now: () => number;
  say: (line: string) => void;
  /** A bar on a terminal, lines elsewhere. */
  progress: (what: string, total: number) => Progress;
  /** Between two reads of the domains under way. */
  everyMs: number;
}

export interface Progress {
  at(done: number): void;
  end(): void;
}

/**
 * Domains with an order under way at once. A domain that waits for the issuer's budget counts, so
 * that the issuer's limits set the pace.
 */
const ORDERS_UNDER_WAY = 50;
/**
 * Domains under way at once that keep the certificate of another tool. Each costs one look: as many
 * as the sweep takes in a minute.
 */
const LEFT_UNDER_WAY = 1_000;
/** Rows that are read and looked at at once. */
const BATCH = 20;

interface Sorted {
  fresh: { row: Row; foreign?: Foreign }[];
  known: number;
  /** Of the known ones, for example after an import that was stopped. */
  parked: number;
  problems: Problem[];
  /** Servers that are not registered, with the number of domains that name each. */
  missing: Map<string, number>;
}

export async function importDomains(
  here: Here,
  { go: isDone = false, from, ...others }: { go?: boolean; from?: Source; servers?: string[]; to?: string },
  file: string,
): Promise<Answer> {
  if (from !== undefined) return (await import('./import-from.ts')).importFrom(here, { from, ...others }, file);
  const table = readTable(readFile(file));
  // A bad row is shown before AWS is asked.
  sayProblems(table.problems, here.say);
  const { importing } = await here.environment();
  const progress = here.isQuiet ? noProgress : progressOn(process.stdout);
  const shown = { now: Date.now, say: here.say, progress, everyMs: 5_000 };
  return importTable({ table, isDryRun: !isDone }, { ...(await importing()), ...shown });
}

export function sayProblems(problems: Problem[], say: Here['say']): void {
  for (const { line, field, text } of problems) say(`line ${line}${field ? `, ${field}` : ''}: ${text}`);
}

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const message = `The file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`;
    throw mistyped({ name: 'UnreadableFile', message, remedy: 'Name a CSV file that you may read.' });
  }
}

/** The answer is well if every row was good and no domain was parked. */
export async function importTable(
  { table, isDryRun }: { table: Table; isDryRun: boolean },
  ports: ImportPorts,
): Promise<Answer> {
  const { say, issuer } = ports;
  const sorted = await sort(table.rows, ports);
  const problems = [...table.problems, ...sorted.problems].sort((a, b) => a.line - b.line);
  sayProblems(sorted.problems, say);
  for (const { line, of } of table.repeated) say(`line ${line} says the same as line ${of}`);
  for (const [server, count] of sorted.missing)
    say(`${server} is not registered: ${count} domains wait for it; put Mail Server Registered`);
  const { fresh, known, parked } = sorted;
  const leftToOthers = fresh.filter(one => one.foreign).length;
  const plan = planImport({ orders: fresh.length - leftToOthers, leftToOthers }, issuer);
  const hours = plan.hours === undefined ? 'no limit of it is known' : `${plan.hours.toFixed(1)} hours by its limit`;
  say(
    `${fresh.length} new, ${known} known already${parked > 0 ? ` (${parked} of them parked: sealpost status says why)` : ''}, ${problems.length} bad rows. ` +
      `${plan.orders} orders at ${issuer.name} (${hours}); ${leftToOthers} are served with a good certificate and are due when it runs low. ` +
      `${plan.transitions} transitions, ${plan.dollars.toFixed(2)} dollars (list prices of ${PRICES.read}, each delivered alone).`,
  );
  const missing = [...sorted.missing].map(([server, domains]) => ({ server, domains }));
  const found = { new: fresh.length, known, parked, problems, repeated: table.repeated, missing };
  const data = { isDryRun, ...found, issuer: issuer.name, leftToOthers, ...plan };
  if (isDryRun) {
    const text = 'Nothing was done: this was a dry run; --go does it.';
    return { text, data, isWell: problems.length === 0 };
  }
  const { takenUp, stuck } = await go(fresh, ports);
  const text = `${takenUp} taken up, ${stuck.length} of them parked with a reason; sealpost status shows where each was seen served.`;
  return { text, data: { ...data, takenUp, stuck }, isWell: problems.length === 0 && stuck.length === 0 };
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

/** A domain that was parked. */
interface Stuck {
  domain: string;
  reason: string;
  message: string;
}

async function go(fresh: Sorted['fresh'], ports: ImportPorts): Promise<{ takenUp: number; stuck: Stuck[] }> {
  const bar = ports.progress('taken up', fresh.length);
  let takenUp = 0;
  const stuck: Stuck[] = [];
  const ended = (domain: string, parked: Parked | undefined) => {
    bar.at(++takenUp);
    if (!parked) return;
    const { reason, message } = parked;
    stuck.push({ domain, reason, message });
    ports.say(`${showDomain(domain)}: ${reason}: ${message}`);
  };
  const [left, ordered] = [true, false].map(isLeft =>
    fresh.filter(({ foreign }) => isLeft === (foreign !== undefined)),
  );
  await Promise.all([takeUp(left!, LEFT_UNDER_WAY, ended, ports), takeUp(ordered!, ORDERS_UNDER_WAY, ended, ports)]);
  bar.end();
  return { takenUp, stuck };
}

/** @param ended is called for each domain when no work is left for it, with its parking if any */
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
      const { domain } = row.wish;
      if (foreign) await store.guardForeign({ domain, life: lifeOfForeign(foreign), seenAt: foreign.seenAt });
      await store.acceptWish(row.wish, { at: now() }, now(), foreign);
      underWay.add(domain);
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

const noProgress: ImportPorts['progress'] = () => ({ at() {}, end() {} });

/** A bar on a terminal; elsewhere a line for each tenth. */
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

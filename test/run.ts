/**
 * `npm test`: downloads what a first run lacks, runs every test, prints the figures that were
 * measured and, last, the totals. `npm test -- FILE` does the same for one test file, in seconds:
 * it downloads only what the file's imports need. Further arguments are vitest's (`-t NAME`), but
 * `--seed N`, which repeats the faults that AWS's stand-in had in an earlier run, and lets every
 * provider have them, not the road's alone, and `--zoo`, which walks every row of the zoo in place
 * of two of each daemon.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePebble } from '../local/ca/pebble.ts';
import { prepare, reporter } from '../local/prepare.ts';
import { compare } from './decisions/compare.ts';
import { replay } from './decisions/unused.ts';
import { FIGURES, forget, recorded, type Figures } from './figures.ts';
import { files, importsOf } from './house/sources.ts';
import { keysBelow, leftDirectories } from './key-scan.ts';
import { kinds } from './kinds.ts';
import { sizes } from './sizes.ts';

const CHECKOUT = join(import.meta.dirname, '..');
const RESULTS = join(CHECKOUT, '.local/test-results.json');
const DECISIONS = join(CHECKOUT, '.local/decisions.jsonl');

/** A change is judged by the same faults as the change before it. `--seed N` tries others. */
const SEED = 11;

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    startTime: number;
    endTime: number;
    assertionResults: { status: string }[];
  }[];
}

/** Runs vitest as a process that writes to our output. @returns the exit code */
function runVitest(args: string[], faults: Record<string, string>): Promise<number> {
  const vitest = join(CHECKOUT, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const child = spawn(process.execPath, [...process.execArgv, vitest, 'run', ...reporters, ...args], {
    cwd: CHECKOUT,
    env: { ...process.env, AWS_STAND_IN_DECISIONS: DECISIONS, ...faults },
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code => resolve(code ?? 1));
  });
}

/**
 * A file that could not be run at all has no failed test and counts as one failure. So does an
 * error outside of any test, which makes vitest fail.
 */
function totals(
  exitCode: number,
  { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }: Results,
): string {
  const silent = testResults.filter(
    file => file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed'),
  ).length;
  const failed = numFailedTests + silent || (exitCode === 0 ? 0 : 1);
  const skipped = numPendingTests + numTodoTests;
  return `${numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function print(measured: Figures): void {
  const figures = Object.entries(measured);
  if (figures.length === 0) return;
  const width = Math.max(...figures.map(([what]) => what.length));
  console.log('\nMeasured, not asserted:');
  for (const [what, figure] of figures) console.log(`  ${what.padEnd(width)}  ${figure}`);
}

/** @returns these files, and all files that they import, directly or not */
function reached(from: string[]): Set<string> {
  const found = new Set<string>();
  for (const waiting = [...from]; waiting.length > 0;) {
    const file = waiting.pop()!;
    if (found.has(file) || !file.endsWith('.ts') || !files.includes(file)) continue;
    found.add(file);
    waiting.push(...importsOf(file).map(({ of }) => of));
  }
  return found;
}

async function everything(report: (line: string) => void): Promise<Figures> {
  const cdkOut = await prepare(join(CHECKOUT, '.local'), report, kinds);
  return sizes(cdkOut);
}

/**
 * @param chosen test files
 * @returns no figures: sizes are measured only if every test runs
 */
async function only(chosen: string[], report: (line: string) => void): Promise<Figures> {
  const needed = reached(chosen);
  if (needed.has('local/hosts/base.ts')) await everything(report);
  else if (needed.has('local/ca/pebble.ts')) await ensurePebble({ report });
  return {};
}

/**
 * Asks iam-simulate about each authorization of the run, and prints what it decides otherwise.
 * @returns the exit code
 */
async function compareDecisions(): Promise<number> {
  if (!existsSync(DECISIONS)) return 0;
  const { compared, passedOver, disagreements } = await compare(DECISIONS);
  console.log(`\n${compared} authorizations, ${disagreements.length} of them decided otherwise by iam-simulate`);
  for (const [reason, count] of passedOver) console.log(`  ${count} not compared: ${reason}`);
  for (const one of disagreements) console.log(one);
  return disagreements.length === 0 ? 0 : 1;
}

/**
 * Searches what the run has left: its results, what the tests recorded, and temporary directories
 * that no process uses any more. A core dump may hold a key, so there may be none.
 * @returns the exit code
 */
function searchForKeys(since: number): number {
  const left = leftDirectories(tmpdir(), since);
  const files = [RESULTS, DECISIONS, FIGURES].flatMap(path => keysBelow(path, since));
  const found = [...files, ...left.flatMap(path => keysBelow(path, since))];
  console.log(`\n${left.length} temporary directories are left, ${found.length} files with a private key`);
  for (const one of found) console.log(`  ${one}`);
  return found.length === 0 ? 0 : 1;
}

/**
 * Replays the calls that our functions made in a run of every test, each against the policy without
 * one of its statements, and prints the statements that no call needed.
 * @returns the exit code
 */
async function replayDecisions(): Promise<number> {
  const { calls, statements, unused } = await replay(DECISIONS);
  console.log(`${calls} calls of our functions, ${statements.length} statements, ${unused.length} of them unused`);
  for (const one of unused) console.log(`  ${one}: take the right out of lib/functions.ts, or let a test need it`);
  return unused.length === 0 ? 0 : 1;
}

/** @returns the seed of the faults, NaN if `--seed` has no whole number, and the other arguments */
function seedIn(given: string[]): { seed: number; args: string[] } {
  const at = given.indexOf('--seed');
  if (at < 0) return { seed: SEED, args: given };
  const text = given[at + 1] ?? '';
  return { seed: /^\d{1,10}$/.test(text) ? Number(text) : NaN, args: given.toSpliced(at, 2) };
}

async function main(given: string[]): Promise<number> {
  const { seed, args } = seedIn(given);
  if (Number.isNaN(seed)) {
    console.error('--seed takes a whole number: the one that an earlier run printed');
    return 1;
  }
  const isZoo = args.includes('--zoo');
  if (isZoo) args.splice(0, args.length, '.zoo.');
  const faults = {
    SEALPOST_TEST_SEED: `${seed}`,
    ...(given.includes('--seed') && { SEALPOST_ROAD_FAULTS: 'yes' }),
    ...(isZoo && { SEALPOST_ZOO: 'all' }),
  };
  const report = reporter();
  const chosen = files.filter(file => file.endsWith('.test.ts') && args.some(arg => file.includes(arg)));
  const measured = await (args.length === 0 ? everything(report) : only(chosen, report));
  forget();
  for (const file of [RESULTS, DECISIONS]) rmSync(file, { force: true });
  if (args.length === 0) report('Every test: first the parts, then, alone for its figures, the way of five domains');
  const began = Date.now();
  const compared = (await runVitest(args, faults)) || (await compareDecisions());
  const tested = compared || (args.length === 0 ? await replayDecisions() : 0);
  const exitCode = tested || searchForKeys(began);
  console.log(`\nAWS failed now and then by the seed ${seed}: npm test -- --seed ${seed} repeats it`);
  if (!existsSync(RESULTS)) return exitCode;
  const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
  print({ ...recorded(), ...measured });
  console.log(`\n${totals(exitCode, results)}`);
  return exitCode;
}

process.exitCode = await main(process.argv.slice(2));

/** `npm test`: brings what a first run lacks, runs every test, then prints what was measured and, last of all, the totals. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, reporter } from '../local/prepare.ts';
import { forget, recorded, type Figures } from './figures.ts';
import { kinds } from './install/kinds.ts';
import { sizes } from './sizes.ts';

const CHECKOUT = join(import.meta.dirname, '..');
const RESULTS = join(CHECKOUT, '.local/test-results.json');

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

/** Runs vitest as a process of its own, with its output on ours. @returns its exit code */
function runVitest(filters: string[]): Promise<number> {
  const vitest = join(CHECKOUT, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const child = spawn(process.execPath, [...process.execArgv, vitest, 'run', ...reporters, ...filters], {
    cwd: CHECKOUT,
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code => resolve(code ?? 1));
  });
}

/**
 * A file that could not be run at all counts as one failure, since none of its tests would say so; and so does whatever
 * else made vitest fail (an error outside of any test).
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
  const width = Math.max(...figures.map(([what]) => what.length));
  console.log('\nMeasured, not asserted:');
  for (const [what, figure] of figures) console.log(`  ${what.padEnd(width)}  ${figure}`);
}

async function main(): Promise<number> {
  const report = reporter();
  const cdkOut = await prepare(join(CHECKOUT, '.local'), report, kinds);
  const bundles = sizes(cdkOut);
  forget();
  rmSync(RESULTS, { force: true });
  report('Every test: first the parts, then (alone, for what it measures) the whole road on real parts');
  const exitCode = await runVitest(process.argv.slice(2));
  const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
  print({ ...recorded(), ...bundles });
  console.log(`\n${totals(exitCode, results)}`);
  return exitCode;
}

process.exitCode = await main();

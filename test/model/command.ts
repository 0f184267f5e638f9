/**
 * `npm run search -- --minutes 30`: the model check for as long as there is time. `--seed N` gives
 * the runs of that search again; `--restores` restores the table from backups, too.
 */
import { parseArgs } from 'node:util';
import { newSeed, search } from './search.ts';

const MINUTE = 60_000;
/** Runs under one seed, so that a hole is found again in a minute. */
const RUNS = 100;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' }, restores: { type: 'boolean' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes is ${values.minutes}; give a number above 0`);
const end = Date.now() + minutes * MINUTE;
let holes = 0;
for (let seed = Number(values.seed ?? newSeed()); Date.now() < end; seed++) {
  const found = await search({ seed, runs: RUNS, restores: values.restores, milliseconds: end - Date.now() });
  console.log(`seed ${seed}: ${found.runs} runs, ${found.turns} calls of ports and moments, ${found.orders} orders`);
  if (!found.hole) continue;
  holes++;
  console.log(`  a hole: ${found.hole.message}\n  the run: ${JSON.stringify(found.hole.run)}`);
}
console.log(`${holes} holes in ${minutes} minutes`);
process.exitCode = holes > 0 ? 1 : 0;

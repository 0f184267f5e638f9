/**
 * `npm run fuzz -- --seconds 600`: every property of test/fuzz/, in turn, for as long as there is
 * time. `--seed N` begins at that seed, `--only NAME` tries the properties with that in their name,
 * and `--path P` with both tries one input again.
 */
import { parseArgs } from 'node:util';
import { again, newSeed } from './property.ts';
import { subjects } from './subjects.ts';

/** Inputs under one seed. */
const RUNS = 200;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    path: { type: 'string' },
  },
});
const { only, path } = values;
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds is ${values.seconds}; give a number above 0`);
const properties = Object.values(subjects)
  .flat()
  .filter(({ name }) => name.includes(only));
if (properties.length === 0) throw new Error(`no property has "${only}" in its name`);
const end = Date.now() + seconds * 1000;
const found = new Map<string, number>();
let runs = 0;
for (let seed = Number(values.seed ?? newSeed()); Date.now() < end; seed++) {
  for (const one of properties) {
    const milliseconds = end - Date.now();
    // A property with a finding is not tried again: its next finding would be the same one.
    if (milliseconds <= 0 || found.has(one.name)) continue;
    const tried = await one.check({ seed, runs: RUNS, milliseconds, path });
    runs += tried.runs;
    if (!tried.finding) continue;
    found.set(one.name, seed);
    const { input, message } = tried.finding;
    console.log(`${one.name}: does not hold\n  input: ${input}\n  ${message}`);
    console.log(`  again: ${again(one, { seed, path: tried.finding.path })}`);
  }
  if (path !== undefined || found.size === properties.length) break;
}
console.log(`fuzz: ${properties.length} properties, ${runs} runs, ${seconds} s, ${found.size} findings`);
process.exitCode = found.size > 0 ? 1 : 0;

/**
 * `npm run bench -- NAME [OPTION=NUMBER …]`: measures, prints the table, and writes it into
 * docs/performance.md with the machine. Nothing is asserted about time.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { reporter } from '../local/prepare.ts';
import { machine, sectionText, withSection, type Bench } from './bench.ts';
import { certificates } from './certificates.ts';
import { installer } from './installer.ts';

const benches: Record<string, Bench> = { certificates, installer };
const PAGE = join(import.meta.dirname, '../docs/performance.md');
const HEAD = `# Performance

What \`npm run bench -- NAME\` measured, each section as its last run wrote it. Compare figures of one
table: the machine and its load change every figure.
`;

function usage(problem: string): never {
  console.error(`${problem}. npm run bench -- NAME [OPTION=NUMBER …]:`);
  for (const [name, { about, options }] of Object.entries(benches)) {
    const all = Object.entries(options).map(([option, value]) => `${option}=${value}`);
    console.error(`  ${name} ${all.join(' ')}\n      ${about}`);
  }
  process.exit(2);
}

/** @returns the defaults with what was typed, or the first argument that is not understood */
function parse(typed: string[], defaults: Record<string, number>): Record<string, number> | string {
  const options = { ...defaults };
  for (const argument of typed) {
    const [, option, value] = /^([a-z]+)=(\d+)$/.exec(argument) ?? [];
    if (option === undefined || !Object.hasOwn(defaults, option)) return argument;
    options[option] = Number(value);
  }
  return options;
}

const [name = '', ...typed] = process.argv.slice(2);
const bench = Object.hasOwn(benches, name)
  ? benches[name]!
  : usage(name ? `there is no bench ${name}` : 'name a bench');
const options = parse(typed, bench.options);
if (typeof options === 'string') usage(`${options} is not understood`);

const load = loadavg()[0]!;
const result = await bench.run(options, reporter());
const command = ['npm run bench --', name, ...typed].join(' ');
const date = new Date().toISOString().slice(0, 10);
const text = sectionText(bench, result, { ...machine(load), command, date });
writeFileSync(PAGE, withSection(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : HEAD, { name, text }));
console.log(`\n${text}\n\nwritten to docs/performance.md`);

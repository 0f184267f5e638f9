/**
 * `npm run aws-words`: counts the sentences of AWS's documentation that limit what we send, and
 * prints those without an answer. `npm run aws-words -- record` runs the tests that call AWS, also
 * those on real hosts, and renews the record of what we send. With file names behind it, only these
 * tests run, and what they send is added to the record.
 */
import { join } from 'node:path';
import { prepare, reporter } from '../../local/prepare.ts';
import { checkout } from '../house/sources.ts';
import { kinds } from '../kinds.ts';
import { answers, applying, unanswered } from './answers.ts';
import { record } from './sent.ts';

const [what, ...tests] = process.argv.slice(2);
if (what === 'record') {
  // The whole record needs what the tests on real hosts need.
  if (tests.length === 0) await prepare(join(checkout, '.local'), reporter(), kinds);
  await record(tests);
}

const open = unanswered();
for (const one of open) console.log(`${one}\n`);
const counted = Object.entries(Object.groupBy(answers(), ({ kind }) => kind));
const sentences = [...applying().values()].reduce((sum, found) => sum + found.size, 0);
const by = counted.map(([kind, list]) => `${list.length} ${kind}`).join(', ');
console.log(`${sentences} sentences apply: ${by}, ${open.length} without an answer`);
process.exitCode = open.length === 0 ? 0 : 1;

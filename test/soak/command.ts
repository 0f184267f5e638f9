/**
 * `npm run soak -- --minutes 30 --seed N`: the local provider, while everything fails now and then.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stopPebble } from '../../local/ca/pebble.ts';
import { prepare, reporter } from '../../local/prepare.ts';
import { Soak, type Soaked } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    hosts: { type: 'string', default: '4' },
    domains: { type: 'string', default: '100' },
  },
});
const report = reporter();
const directory = mkdtempSync(join(tmpdir(), 'sealpost-soak-'));
const [seed, minutes, hosts, domains] = [values.seed, values.minutes, values.hosts, values.domains].map(Number) as [
  number,
  number,
  number,
  number,
];
report(`Seed ${seed}: ${minutes} minutes, ${hosts} mail servers, ${domains} domains`);
// A copy, because the checkout's own goes when its sources change, and the provider restarts.
const cdkOut = join(directory, 'cdk.out');
cpSync(await prepare(join(import.meta.dirname, '../../.local'), report), cdkOut, { recursive: true });
const soak = new Soak({ seed, minutes, hosts, domains, directory, cdkOut, report });
const stop = async () => {
  await soak.stop().catch(() => {});
  await stopPebble(join(directory, 'ca'));
};
// Hosts and CA are processes of their own, and would outlive this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stop().then(() => process.exit(130)));
let isGood = false;
try {
  isGood = print(await soak.run());
} finally {
  await stop();
  if (isGood) rmSync(directory, { recursive: true, force: true });
  else report(`The run's files are left in ${directory}`);
}
process.exit(isGood ? 0 : 1);

function print(soaked: Soaked): boolean {
  const { served, parked, wrong, keysWithoutRecord, orders, budget, pages, customers, killed } = soaked;
  const undeserved = pages.filter(({ because }) => because === undefined);
  const lines = (title: string, all: string[]) => [`${title}: ${all.length}`, ...all.map(line => `    ${line}`)];
  const counts = (of: Record<string, number>) => Object.entries(of).map(([name, count]) => `${name}: ${count}`);
  const text = [
    ...lines('events by kind', counts(soaked.events)),
    ...lines('faults by kind', counts(soaked.faults)),
    `executions: ${soaked.executions}, retries of their states: ${soaked.retries}`,
    `orders at the CA: ${orders} of a budget of ${budget}`,
    `domains served right: ${served}`,
    ...lines('parked with a reason', parked),
    ...lines('wrong', wrong),
    ...lines('keys without a record', keysWithoutRecord),
    `connections of others: ${customers.handshakes}`,
    ...lines('failed', customers.failed),
    `sessions: ${customers.sessions}`,
    ...lines('ended', customers.sessionsEnded),
    `hosts that were killed: ${killed.join(', ') || 'none'}`,
    ...lines(
      'pages',
      [...Map.groupBy(pages, subjectOf)].map(([subject, same]) => `${same.length} × ${subject}`),
    ),
    `pages that nobody deserved: ${undeserved.length}`,
  ];
  console.log(text.join('\n'));
  const lists = [wrong, keysWithoutRecord, customers.failed, customers.sessionsEnded, undeserved];
  const bad = lists.some(({ length }) => length > 0);
  return !bad && orders <= budget;
}

/** The first line of a page says what it is about. */
function subjectOf({ message, because }: Soaked['pages'][number]): string {
  return `${message.split('\n')[0]!.slice(0, 200)} (${because ?? 'not deserved'})`;
}

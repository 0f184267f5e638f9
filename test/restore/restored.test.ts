/** docs/restore.md, walked: the table of an hour ago, and everything else as it is. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { makeTable } from '../aws/tables.ts';
import { domains, nodes, servers } from '../model/choices.ts';
import { Happenings } from '../model/happenings.ts';
import { afterwards, always, whileServed } from '../model/invariants.ts';
import { inDynamoDb, twin, type Backups } from './tables.ts';
import { DAY, HOUR, Universe } from '../model/universe.ts';

const [one, two, three] = domains as [string, string, string];
const [mx1] = servers as [string];

let account: Account;
beforeAll(async () => void (account = await startAccount(['dynamodb'])));
afterAll(() => account.stop());

const kinds: [string, (universe: Universe) => Promise<Backups>, number][] = [
  ['the twins', async universe => twin(universe), 130],
  [
    "the stand-in's table",
    async universe => inDynamoDb(universe, account.client(DynamoDBClient), await makeTable(account)),
    // Each call is a request: the months after are for the twins.
    1,
  ],
];

/** Plays on, without a trouble. */
async function pass(universe: Universe, backups: Backups, ms: number): Promise<void> {
  const until = universe.time + ms;
  for (let isMore = true; isMore;) {
    await universe.clockwork.quiet();
    if (universe.clockwork.calls.length === 0) await backups.show();
    isMore = await universe.turn({ place: 0, fate: 'done' }, until);
  }
}

function against(universe: Universe, ...all: (typeof always)[]): string[] {
  const sentences = all.flatMap(sentences => Object.entries(sentences));
  return sentences.flatMap(([name, holds]) => holds(universe).map(what => `${name}: ${what}`));
}

describe.each(kinds)('a table that is restored to an hour ago, in %s,', (_, make, months) => {
  let universe: Universe;
  let happenings: Happenings;
  let backups: Backups;
  const current = (domain: string) => universe.world.memory.domains.get(domain)!.current!.id;
  const hasKey = (domain: string, id: string) => universe.world.objects.has(`certificates/${domain}/${id}/key`);
  const leafOn = (domain: string) => universe.nodes.get(nodes[0]!.id)!.disk.get(domain)?.get('all');
  let before: { [domain: string]: string };

  beforeAll(async () => {
    universe = new Universe({ lifeDays: 90, skews: [] }, nodes);
    happenings = new Happenings(universe);
    backups = await make(universe);
    happenings.begin();
    await pass(universe, backups, 2 * HOUR);
    before = Object.fromEntries([one, two, mx1].map(domain => [domain, current(domain)]));
    await backups.take();
    // The hour that is lost: renewals, a deletion, and a server that is rebuilt.
    for (const domain of [one, mx1]) universe.renew(domain);
    await happenings.perform({ is: 'deletion', domain: 2, revoke: false, after: 0 });
    await happenings.perform({ is: 'registration', server: 1, node: 1, after: 0 });
    await pass(universe, backups, HOUR);
  }, 120_000);

  test('names certificates whose keys are gone', async () => {
    expect([hasKey(one, before[one]!), hasKey(mx1, before[mx1]!), hasKey(two, before[two]!)]).toEqual([
      ...[false, false, true],
    ]);
    const served = leafOn(one)!.fingerprint;
    await backups.restore();
    expect([current(one), current(mx1)]).toEqual([before[one], before[mx1]]);
    // What was installed stays served until something newer is.
    expect(leafOn(one)!.fingerprint).toBe(served);
  });

  test('serves everything right within days, after the senders have said again what they want', async () => {
    happenings.begin();
    await happenings.perform({ is: 'deletion', domain: 2, revoke: false, after: 0 });
    await happenings.perform({ is: 'registration', server: 1, node: 1, after: 0 });
    await pass(universe, backups, 3 * DAY);
    const { objects } = universe.world;
    const found = against(universe, always, afterwards, whileServed);
    // The keys of the hour that is lost are on no record. The page has them deleted by hand.
    const unrecorded = found.flatMap(line => /^no object without a record: (certificates\/.*)/.exec(line)?.[1] ?? []);
    expect(unrecorded.length).toBeGreaterThan(0);
    for (const key of unrecorded) objects.delete(key);
    expect(against(universe, always, afterwards, whileServed)).toEqual([]);
    for (const domain of [one, mx1]) expect(hasKey(domain, current(domain))).toBe(true);
    expect(universe.world.memory.domains.get(three)!.spec!.deleted).toBe(true);
  }, 240_000);

  test('has nothing expire in the months after', async () => {
    const end = universe.time + months * DAY;
    while (universe.time < end) {
      await pass(universe, backups, DAY);
      expect(against(universe, always, whileServed)).toEqual([]);
    }
  }, 240_000);
});

/** What may happen to the product in a run, as fast-check generates and shrinks it. */
import fc from 'fast-check';
import type { Use } from '../../core/record/domain.ts';
import type { Fate } from './clockwork.ts';
import { DAY, HOUR, MINUTE, type Setting } from './universe.ts';

export const servers = ['mx1.provider.example', 'mx2.provider.example'];
export const domains = ['one.example', 'two.example', 'three.example'];
/** Each server has two nodes: the one it begins on, and the one it is rebuilt on. */
export const nodes = servers.flatMap((server, i) =>
  [0, 1].map(k => ({ id: `mi-000000000000000${i}${k}`, server, isSeen: (i + k) % 2 === 0 })),
);

export const nodeOf = (server: number, which: number) => nodes[server * 2 + which]!.id;
export const uses: Use[][] = [['mail', 'webmail'], ['mail'], ['webmail']];

type Happening =
  | { is: 'fate'; fate: Exclude<Fate, 'done'>; times: number }
  | { is: 'wish'; domain: number; servers: number }
  | { is: 'deletion'; domain: number; revoke: boolean }
  | { is: 'asked'; domain: number }
  | { is: 'registration'; server: number; node: number }
  | { is: 'retirement'; server: number }
  | { is: 'event again'; event: number }
  | { is: 'provided'; domain: number; use: number; days: number }
  | { is: 'withdrawn'; domain: number }
  | { is: 'renewal'; domain: number }
  | { is: 'audit'; server: number }
  | { is: 'sweep' }
  | { is: 'execution dies'; which: number }
  | { is: 'node'; node: number; isOn: boolean }
  | { is: 'crash'; node: number; when: 'before' | 'after' }
  | { is: 'drift'; node: number; domain: number }
  | { is: 'lost event' }
  | { is: 'lost command' }
  | { is: 'issuer'; which: number; isAway: boolean }
  | { is: 'key refused'; which: number }
  | { is: 'mass revocation' }
  | { is: 'delegation'; domain: number; isThere: boolean }
  | { is: 'time'; ms: number }
  | { is: 'backup' }
  | { is: 'restore' };

/** `after`: so many turns after the one before. */
export type Step = Happening & { after: number };

export interface Run extends Setting {
  steps: Step[];
  /** Which of the calls that wait is made next, turn by turn, again and again. */
  places: number[];
}

const below = (count: number) => fc.nat({ max: count - 1 });
/** The first ones are chosen more often, so that much happens to them at the same time. */
const domain = fc.constantFrom(0, 0, 0, 1, 2);
const server = fc.constantFrom(0, 0, 1);
const node = fc.constantFrom(0, 0, 1, 2, 3);
const is = <const N extends Happening['is']>(name: N) => fc.constant(name);

/** Events of senders, people and machines. */
const events = [
  { weight: 3, arbitrary: fc.record({ is: is('wish'), domain, servers: fc.constantFrom(1, 2, 3) }) },
  { weight: 1, arbitrary: fc.record({ is: is('deletion'), domain, revoke: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ is: is('asked'), domain }) },
  { weight: 3, arbitrary: fc.record({ is: is('registration'), server, node: below(2) }) },
  { weight: 1, arbitrary: fc.record({ is: is('retirement'), server }) },
  { weight: 1, arbitrary: fc.record({ is: is('event again'), event: fc.nat({ max: 20 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ is: is('provided'), domain, use: below(uses.length), days: fc.constantFrom(1, 20, 200) }),
  },
  { weight: 1, arbitrary: fc.record({ is: is('withdrawn'), domain }) },
  { weight: 1, arbitrary: fc.record({ is: is('renewal'), domain }) },
  { weight: 1, arbitrary: fc.record({ is: is('audit'), server }) },
];

const troubles = [
  {
    weight: 8,
    arbitrary: fc.record({
      is: is('fate'),
      fate: fc.constantFrom('killed before', 'killed after', 'answer lost', 'busy'),
      times: fc.constantFrom(1, 1, 1, 6),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: is('sweep') }) },
  { weight: 2, arbitrary: fc.record({ is: is('execution dies'), which: fc.nat({ max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ is: is('node'), node, isOn: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ is: is('crash'), node, when: fc.constantFrom('before', 'after') }) },
  { weight: 1, arbitrary: fc.record({ is: is('drift'), node, domain: below(domains.length + 1) }) },
  { weight: 1, arbitrary: fc.record({ is: is('lost event') }) },
  { weight: 1, arbitrary: fc.record({ is: is('lost command') }) },
  { weight: 1, arbitrary: fc.record({ is: is('issuer'), which: below(2), isAway: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ is: is('key refused'), which: below(2) }) },
  { weight: 1, arbitrary: fc.record({ is: is('mass revocation') }) },
  { weight: 1, arbitrary: fc.record({ is: is('delegation'), domain, isThere: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ is: is('time'), ms: fc.constantFrom(30_000, 5 * MINUTE, 2 * HOUR, 2 * DAY) }) },
];

const restores = [
  { weight: 1, arbitrary: fc.record({ is: is('backup') }) },
  { weight: 1, arbitrary: fc.record({ is: is('restore') }) },
];

/** @param options.restores true: the table may be restored from a backup */
export function runs({ restores: hasRestores = false } = {}): fc.Arbitrary<Run> {
  const happening = fc.oneof(...events, ...troubles, ...(hasRestores ? restores : [])) as fc.Arbitrary<Happening>;
  const after = fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 120 }), fc.nat({ max: 600 }));
  const steps = fc.array(
    fc.tuple(happening, after).map(([one, turns]): Step => ({ ...one, after: turns })),
    { maxLength: 30 },
  );
  return fc.record({
    steps,
    places: fc.array(fc.nat({ max: 5 }), { maxLength: 40 }),
    lifeDays: fc.constantFrom(90, 45, 6),
    commandMs: fc.constantFrom(5_000, 5_000, 2 * MINUTE),
    skews: fc.array(fc.constantFrom(0, 2 * MINUTE, -2 * MINUTE), { maxLength: 3 }),
  });
}

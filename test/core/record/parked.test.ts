/** How long a domain waits for its next try. */
import { describe, expect, test } from 'vitest';
import { remedies, type ErrorName } from '../../../core/errors.ts';
import { triesAfter, type Try } from '../../../core/record/parked.ts';
import { day, minute } from '../world.ts';

const hour = 60 * minute;
const start = 1_800_000_000_000;
const all = Object.keys(remedies) as ErrorName[];

/** The tries of a domain that fails in the same way each time, in minutes after the first. */
function tries(failed: Try, { until = 2 * day, servedUntil }: { until?: number; servedUntil?: number } = {}): number[] {
  const found: number[] = [];
  let before = { tries: 0, since: start };
  for (let now = start; now <= start + until;) {
    found.push((now - start) / minute);
    const { tries, nextTry } = triesAfter(failed, before, { now, servedUntil, random: () => 0.5 });
    before = { ...before, tries };
    now = nextTry;
  }
  return found;
}
const waits = (at: number[]) => at.slice(1).map((moment, i) => moment - at[i]!);

describe('a record that the customer is still to make', () => {
  test.each<ErrorName>(['DomainNotManaged', 'CaaForbids'])('(%s) is found soon within the first hour', reason => {
    const first = tries({ reason }, { until: hour });
    expect(first.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
    // However long it takes, a fifth of that is waited in addition, or a minute.
    for (const [i, wait] of waits(first).entries()) expect(wait).toBeLessThanOrEqual(Math.max(1, first[i]! / 5) + 0.01);
    expect(first.length).toBeLessThanOrEqual(20);
  });

  test('is looked for daily after some hours, and never more often than before', () => {
    const later = tries({ reason: 'DomainNotManaged' }, { until: 5 * day }).filter(at => at > 60);
    expect(waits(later).map(Math.round).slice(0, 6)).toEqual([13, 15, 100, 1440, 1440, 1440]);
  });
});

describe('an order that failed at the CA', () => {
  test.each<ErrorName>(['ChallengeFailed', 'AcmeRejected', 'AcmeRateLimited', 'CertificateUnusable', 'CaaForbids'])(
    '(%s) is made again after 1, 10 and 100 minutes, then daily',
    reason => {
      expect(tries({ reason, isOrdered: true })).toEqual([0, 1, 11, 111, 1551]);
    },
  );

  test('is made no more than four times an hour, however near the end is', () => {
    const at = tries({ reason: 'ChallengeFailed', isOrdered: true }, { until: day, servedUntil: start + day });
    const inAnHour = (from: number) => at.filter(moment => from <= moment && moment < from + 60).length;
    expect(Math.max(...at.slice(3).map(inAnHour))).toBeLessThanOrEqual(5);
  });
});

describe('an outage', () => {
  test.each<Try>([
    { reason: 'AcmeUnavailable' },
    { reason: 'IssuerUnusable', isOfIssuer: true },
    { reason: 'AuthorizationPending' },
    { reason: 'DnsNotPropagated' },
    { reason: 'Throttled' },
  ])('($reason) costs the domain no try, and is waited out no longer than a fifth of its length', failed => {
    const before = { tries: 2, since: start };
    expect(triesAfter(failed, before, { now: start + 9 * minute, random: () => 0.5 })).toMatchObject({ tries: 2 });
    const at = tries(failed);
    for (const [i, wait] of waits(at).entries()) expect(wait).toBeLessThanOrEqual(Math.max(10, at[i]! / 5) + 0.01);
  });

  test('of the CA is asked about once an hour, even after days', () => {
    const at = tries({ reason: 'AcmeUnavailable' }, { until: 3 * day });
    expect(Math.max(...waits(at))).toBeCloseTo(60);
  });

  test.each([
    ['hours', 5 * hour, 5 * hour],
    ['a century', 100 * 365 * day, day],
  ])('with a Retry-After of %s is asked about after that, a day later at the latest', (_, after, wait) => {
    const at = { now: start, random: () => 0.5 };
    const failed = { reason: 'AcmeUnavailable' as const, retryAt: start + after };
    expect(triesAfter(failed, { tries: 0, since: start }, at).nextTry).toBe(start + wait);
  });
});

describe('what is served', () => {
  test.each(all)('ends no sooner than ten waits from now, whatever failed: %s', reason => {
    for (const left of [89 * day, 10 * day, 2 * day, 5 * hour])
      for (const isOrdered of [true, false])
        for (const tries of [0, 3, 30])
          for (const retryAt of [undefined, start + 40 * day]) {
            const failed = { reason, isOrdered, ...(retryAt !== undefined && { retryAt }) };
            const at = { now: start, servedUntil: start + left, random: () => 0.99 };
            const { nextTry } = triesAfter(failed, { tries, since: start - 30 * day }, at);
            expect(nextTry - start).toBeLessThanOrEqual(left / 10);
            expect(nextTry - start).toBeGreaterThanOrEqual(minute);
          }
  });

  test('and has expired hurries nothing', () => {
    const at = { now: start, servedUntil: start - 1, random: () => 0.5 };
    expect(triesAfter({ reason: 'DomainNotManaged' }, { tries: 9, since: start - 40 * day }, at)).toEqual({
      tries: 10,
      nextTry: start + day,
    });
  });
});

test('a slot of a budget is waited for, and costs no try', () => {
  const at = { now: start, random: () => 0.5 };
  const failed = { reason: 'BudgetSpent' as const, retryAt: start + 4 * day };
  expect(triesAfter(failed, { tries: 1, since: start }, at)).toEqual({ tries: 1, nextTry: start + 4 * day });
});

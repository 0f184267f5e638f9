import { expect, test } from 'vitest';
import { parseQuietHours, quietMoment } from '../../../core/work/quiet.ts';

const hour = 3_600_000;
const day = 24 * hour;
const midnight = Date.UTC(2027, 0, 15);
const servers = Array.from({ length: 400 }, (_, i) => `mx${i}.provider.example`);

test.each([
  ['1-5', 1, 5],
  ['22-4', 22, 28],
  ['0-0', 0, 24],
])('in the hours %s the servers are spread, each at its own moment of the day', (text, from, to) => {
  const moments = servers.map(server => quietMoment(server, parseQuietHours(text), midnight - 1));
  const hours = moments.map(at => (at - midnight + day) % day).map(at => (at < from * hour ? at + day : at) / hour);
  expect(Math.min(...hours)).toBeGreaterThanOrEqual(from);
  expect(Math.max(...hours)).toBeLessThan(to);
  expect(new Set(hours.map(at => Math.floor(at))).size).toBe(to - from);
});

test("the quiet hour is the next one: today, or tomorrow if today's has passed, and never now", () => {
  const quiet = parseQuietHours('1-5');
  const first = quietMoment('mx1.provider.example', quiet, midnight);
  expect(first).toBeGreaterThan(midnight + hour);
  expect(quietMoment('mx1.provider.example', quiet, first - 1)).toBe(first);
  expect(quietMoment('mx1.provider.example', quiet, first)).toBe(first + day);
  expect(quietMoment('mx1.provider.example', quiet, first + 20 * hour)).toBe(first + day);
});

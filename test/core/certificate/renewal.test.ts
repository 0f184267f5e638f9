import { expect, test } from 'vitest';
import { dueAt, isUrgent } from '../../../core/certificate/renewal.ts';

const day = 86_400_000;
const random = () => 0.5;

test.each([
  [90, 60],
  [45, 30],
  [6, 3],
])('a certificate of %d days is due on day %d', (lifetime, due) => {
  expect(dueAt({ notBefore: 0, notAfter: lifetime * day, random })).toBe(due * day);
});

test("a certificate is due at a random moment in the CA's window", () => {
  const window = { start: 59 * day, end: 61 * day };
  expect(dueAt({ notBefore: 0, notAfter: 90 * day, window, random })).toBe(60 * day);
  expect(dueAt({ notBefore: 0, notAfter: 90 * day, window, random: () => 0 })).toBe(59 * day);
});

test('a window that reaches past the end of the certificate is ignored', () => {
  const window = { start: 89 * day, end: 91 * day };
  expect(dueAt({ notBefore: 0, notAfter: 90 * day, window, random })).toBe(60 * day);
});

test.each([
  [85, 90],
  [60, 90],
  [89, 90],
])("a window from day %i to day %i leaves half of the certificate's reserve", (start, end) => {
  const window = { start: start * day, end: end * day };
  for (const share of [0, 0.5, 0.999_999]) {
    const due = dueAt({ notBefore: 0, notAfter: 90 * day, window, random: () => share });
    expect(due).toBeLessThanOrEqual(75 * day);
    expect(due).toBeGreaterThanOrEqual(60 * day);
  }
});

test('a certificate is urgent when its window is past (it was revoked), or half of its reserve is gone', () => {
  const certificate = { notBefore: 0, notAfter: 90 * day };
  expect(isUrgent(61 * day, certificate)).toBe(false);
  expect(isUrgent(75 * day, certificate)).toBe(true);
  expect(isUrgent(5 * day, { ...certificate, window: { start: 3 * day, end: 4 * day } })).toBe(true);
});

import { expect, test } from 'vitest';
import { table, verdict, type Row } from '../../local/table.ts';

const now = Date.parse('2027-01-15T08:00:00Z');
const row = (name: string, seen: Row['seen']): Row => ({ name, connection: 'IMAPS', port: 993, seen });
const good = row('mail.bakery.test', { reached: true, trusted: true, issuer: 'CA', notAfter: now + 44.5 * 86_400_000 });
const bad = row('mail.florist.test', {
  reached: true,
  trusted: false,
  reason: 'Hostname/IP does not match certificate’s altnames',
});

test('a row that is not trusted is shown with its reason, and the exit code is 1', () => {
  expect(verdict([good, bad])).toEqual({
    lines: [
      'NOT TRUSTED: mail.florist.test, IMAPS: Hostname/IP does not match certificate’s altnames',
      '1 of 2 connections are not trusted',
    ],
    exitCode: 1,
  });
  expect(table([good, bad], now)).toMatch(/mail\.florist\.test +IMAPS +993 +- +- +NO/);
});

test('if all rows are trusted, the exit code is 0', () => {
  expect(verdict([good])).toEqual({
    lines: ['All 1 connections are trusted for the name that was typed'],
    exitCode: 0,
  });
  expect(table([good], now)).toMatch(/mail\.bakery\.test +IMAPS +993 +CA +44 +yes/);
});

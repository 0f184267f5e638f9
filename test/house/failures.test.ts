import { expect, test } from 'vitest';
import { files, read } from './sources.ts';
import { rows } from '../failures/rows/table.ts';

/** Issue 14 asks for so many. */
const LEAST = 60;

test('the table has rows enough, each of another failure', () => {
  expect(rows.length).toBeGreaterThanOrEqual(LEAST);
  expect(new Set(rows.map(({ where, what }) => `${where} ${what}`)).size).toBe(rows.length);
});

test.each(rows.filter(({ test: { file } }) => !file.startsWith('test/failures/')))(
  '$where: $what: is walked by a test that is there',
  ({ test: { file, name } }) => {
    expect(files).toContain(file);
    expect(read(file).replace(/\\(['"`])/g, '$1')).toContain(name);
  },
);

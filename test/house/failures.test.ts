import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from '../failures/rows/mutants.ts';
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

test.each(mutants)('the mutation "$what" fits the code, and names a test that is there', mutant => {
  const { file, from, to, test } = mutant;
  expect(read(file).split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
  const suites = files.filter(path => path.endsWith('.suite.ts') && dirname(path) === dirname(test.file));
  expect([test.file, ...suites].map(read).join('\n')).toContain(test.name);
});

/** docs/threats.md names a test for each defence; a test that is renamed is found here. */
import { expect, test } from 'vitest';
import { files, read } from './sources.ts';

const page = read('docs/threats.md');
const rows = page.split('\n').filter(line => /^\| (?!---|what )/.test(line));
/** A test file, and maybe a part of a test's name in it. */
const NAMED = /`([\w/.-]+\.ts)`(?:: "([^"]+)")?/g;

test.each(rows)('%s', row => {
  const named = [...row.split(' | ').at(-1)!.matchAll(NAMED)];
  expect(named.length).toBeGreaterThan(0);
  for (const [, file, part] of named) {
    expect(files).toContain(file);
    if (part !== undefined) expect(read(file!), file).toContain(part);
  }
});

test('each stranger has a table, and what we do not defend against is said', () => {
  expect(rows.length).toBeGreaterThan(30);
  const sections = page.split('\n## ').slice(1);
  for (const section of sections.slice(0, -1)) expect(section).toContain('| --- |');
  expect(sections.at(-1)).toMatch(/^What we do not defend against\n/);
});

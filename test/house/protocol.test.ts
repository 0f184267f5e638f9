import { describe, expect, test } from 'vitest';
import { sentences } from '../model/invariants.ts';
import { files, read } from './sources.ts';

const page = read('docs/protocol.md');
const stores = files.filter(path => /^core\/ports\/[a-z]+-store\.ts$/.test(path));
/** Methods of the interfaces, by their declaration: `name(` at the first level of an interface. */
const methods = stores.flatMap(path => [...read(path).matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name!));
/** A method that only reads is named by no table. */
const reads =
  /^(read\w+|work|workFor|installed|allInstalled|token|acmUse|domainOfArn|domains|walkPosition|outsides|due|endings|pagedOn)$/;
const rows = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);

describe('the page of the protocol', () => {
  test('finds the methods of the store', () => {
    expect(stores.length).toBeGreaterThan(8);
    expect(methods).toContain('acceptWish');
  });

  test.each(methods.filter(name => !reads.test(name)))('has a row for %s', name => {
    expect(rows).toContain(name);
  });

  test('has no row for a write that is no more', () => {
    const named = [...page.matchAll(/^\| method.*\n\| ---.*\n((?:\|.*\n)+)/gm)].flatMap(([, table]) =>
      [...table!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!),
    );
    expect(named.filter(name => !methods.includes(name))).toEqual([]);
  });

  test('names files that are there', () => {
    const named = [...page.matchAll(/`([a-z-]+-items\.ts)`/g)].map(([, file]) => `aws/${file}`);
    expect([...new Set(named)].filter(file => !files.includes(file))).toEqual([]);
    expect(files.filter(file => /^aws\/[a-z]+-items\.ts$/.test(file) && !named.includes(file))).toEqual([
      'aws/known-items.ts',
    ]);
  });

  test('says each sentence that the model check holds, under its name', () => {
    const [, section = ''] = page.split('\n## What always holds\n');
    const said = [...section.split('\n## ')[0]!.matchAll(/^\| _([^_]+)_/gm)].map(([, name]) => name);
    expect(said).toEqual(sentences);
  });
});

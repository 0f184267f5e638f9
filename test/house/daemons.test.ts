/** A daemon's name stands in its adapter and in lists, so that one more adapter is few files. */
import { describe, expect, test } from 'vitest';
import { files, read } from './sources.ts';

const adapters = files.flatMap(path => /^install\/adapters\/(\w+)\.sh$/.exec(path)?.[1] ?? []);
/** An adapter may have more files, for example one with what it only reads. */
const textOf = (name: string) =>
  files.flatMap(path => (path.match(`^install/adapters/${name}(-\\w+)?\\.sh$`) ? [read(path)] : [])).join('\n');
const page = read('docs/servers/adding-one.md');
const tableAfter = (heading: string) => page.split(`\n${heading}\n`)[1]!.split('\n\n')[0]!.split('\n').slice(2);
/** The files that the page lists, with NAME for the adapter's. */
const listed = tableAfter('## The files\n').map(row => /^\| `([^`]+)` \|/.exec(row)![1]!);

describe('a daemon is named', () => {
  /** Of each daemon, its tools, and what has an adapter on Windows. */
  const names = new RegExp(
    `\\b(${[...adapters, 'mailenable', 'iis', 'post(?:conf|map)', 'dove(?:conf|adm)'].join('|')})`,
    'i',
  );
  /** Product and tests, without prose. The licence has the name of one of them, too. */
  const sources = files.filter(
    path => /\.(ts|mjs|cjs|sh|ps1|json)$/.test(path) && !/(^|\/)package(-lock)?\.json$/.test(path),
  );
  const allowed: [places: RegExp, why: string][] = [
    ...adapters.map((name): [RegExp, string] => [
      new RegExp(`^install/adapters/${name}(-\\w+)?\\.sh$`),
      'the adapter itself',
    ]),
    [/^install\/adapters\/\w+-\w+\.sh$/, 'a part of an adapter that is too long for one file'],
    [/^install\/installer\.sh$/, 'the list of adapters'],
    [/^install\/windows\//, 'one adapter: Windows has one mail server and one web server that are known'],
    [/^core\/events\/events-out\.ts$|^docs\/events\//, 'examples of events'],
    [/^core\/record\/capability\.ts$/, 'records of inspections from before the fact `web-servers`'],
    [/^local\/hosts\/software\.ts$/, 'the list of what a host can run'],
    [/^local\/hosts\/software\/\w+\.sh$/, 'sets a daemon up, beside others that it works with'],
    [/^local\/start\.ts$/, 'the list of hosts that npm start shows'],
    [/^prove\/mail-server\.sh$/, 'the server of --throw-away'],
    [/^bench\/certbot\.ts$/, 'what a provider would write for certbot'],
    [/^test\/install\/usual\.ts$/, 'what the contract has to know of the usual software'],
    [/^test\/fuzz\/maps\.ts$/, 'a stand-in for the program that writes a map'],
    [/^test\/install\/judges\.ts$/, 'posttls-finger is a tool of Postfix'],
    [/^test\/install\/[\w.-]+\.test\.ts$/, 'tests on a host with these daemons'],
    [/^test\/install\/zoo\//, 'configurations of these daemons'],
    [/^test\/house\/zoo-page\.ts$/, 'the page about them'],
    [/^test\/install\/toy\//, 'an adapter that only a test adds'],
    [/^test\/(core|bin|aws)\//, 'facts as an inspection gives them'],
    [/^test\/failures\/rows\//, 'programs that may be missing on a real host'],
    [/^test\/road\//, 'what somebody does on a real host'],
    [/^test\/local\/(hosts|software)\.test\.ts$/, 'hosts with these daemons'],
    [/^test\/house\/daemons\.test\.ts$/, 'this rule'],
  ];
  const naming = sources.filter(path => names.test(read(path)));

  test('in no other place', () => {
    const lines = (path: string) =>
      read(path)
        .split('\n')
        .flatMap((line, n) => (names.test(line) ? [`${path}:${n + 1}`] : []));
    expect(naming.filter(path => !allowed.some(([places]) => places.test(path))).flatMap(lines)).toEqual([]);
  });

  test.each(allowed)('%s: %s', places => {
    expect(naming.filter(path => places.test(path))).not.toEqual([]);
  });

  test('by an adapter, only its own', () => {
    const others = adapters.flatMap(name => {
      const text = textOf(name);
      return adapters
        .filter(other => other !== name && new RegExp(`\\b${other}`, 'i').test(text))
        .map(other => `${name}: ${other}`);
    });
    expect(others).toEqual([]);
  });
});

describe('the page about adding an adapter', () => {
  test('names eight files at the most', () => {
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.length).toBeLessThanOrEqual(8);
  });

  test.each(adapters.flatMap(name => listed.map(path => [name, path])))('holds for %s: %s', (name, path) => {
    const pattern = path
      .replaceAll('NAME', name)
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(`RELEASE-${name}-…`, `\\w+-(\\w+-)*${name}(-\\w+)*`);
    const found = files.filter(file => new RegExp(`^${pattern}$`).test(file));
    expect(found.length).toBeGreaterThan(0);
    for (const file of found) expect(read(file).toLowerCase()).toContain(name);
  });

  test.each(adapters)('lists what %s.sh has for the shared parts, and all that each adapter needs', name => {
    const text = textOf(name);
    const functions = (heading: string) =>
      tableAfter(heading).flatMap(row =>
        [...row.split('|')[1]!.matchAll(/`NAME_(\w+)/g)].map(([, one]) => `${name}_${one}`),
      );
    const needed = functions('functions:\n');
    const optional = functions('An adapter may have these functions, too:\n');
    const defined = [...text.matchAll(/^(\w+)\(\)/gm)].map(([, one]) => one!);
    expect(needed.filter(one => !defined.includes(one))).toEqual([]);
    // What is neither on the page nor called in the file is called by nobody: a spelling mistake.
    const isCalled = (one: string) => text.replaceAll(/^\w+\(\)/gm, '').match(new RegExp(`\\b${one}\\b`));
    expect(defined.filter(one => ![...needed, ...optional].includes(one) && !isCalled(one))).toEqual([]);
  });
});

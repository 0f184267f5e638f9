import { describe, expect, test } from 'vitest';
import { runBy } from './readme-commands.ts';
import { files, json, read } from './sources.ts';

const text = files.filter(path => !/\.(png|ico|gz)$/.test(path));
/** Said in pieces, so that this file does not break its own rules. */
const said = (...pieces: string[]) => new RegExp(pieces.join(''));

describe('what the project is made of', () => {
  test.each([
    ["a path of somebody's machine", said('(?<![\\w.])/(work', '|home/\\w+', '|Users/\\w+)/')],
    ['scratch of a session', said('/tmp/', 'sp\\b')],
    ['a neighbour of the checkout', said('\\.\\./', 'shared\\b')],
    [
      "a registry or a mirror by its host's name",
      said('registry\\.', 'npm|npm', 'js\\.org|ver', 'daccio|:48', '73\\b'),
    ],
    ['work that nobody has promised', said('\\bTO', 'DO\\b|\\bFIX', 'ME\\b|\\bXX', 'X\\b')],
    // Whoever has the name of a package that is not installed would run with our reader's rights.
    ["a command that fetches a stranger's package", said('\\bnp', 'x\\b|npm ', 'exec(?! --no )')],
    ['the mark of a merge', said('^<<<<', '<<< |^>>>>', '>>> ')],
  ])('names nowhere %s', (_, pattern) => {
    const found = text.flatMap(path =>
      read(path)
        .split('\n')
        .flatMap((line, n) => (pattern.test(line) ? [`${path}:${n + 1}`] : [])),
    );
    expect(found).toEqual([]);
  });

  test('keeps no address to fetch a package from: any registry serves the same bytes', () => {
    const packages = Object.values<any>(json('package-lock.json').packages);
    expect(packages.filter(({ resolved }) => resolved)).toEqual([]);
    expect(packages.slice(1).filter(({ integrity, inBundle }) => !integrity && !inBundle)).toEqual([]);
  });

  test('pins every package it names', () => {
    const { dependencies, devDependencies, optionalDependencies } = json('package.json');
    const versions = Object.entries<string>({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });
});

describe('the README', () => {
  const blocks = [...read('README.md').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
  const commands = blocks
    .flatMap(block => block.replace(/\\\n\s*/g, '').split('\n'))
    .map(line =>
      line
        .replace(/^\$ /, '')
        .replace(/\s+#.*$/, '')
        .trim(),
    )
    .filter(line => line !== '' && !line.startsWith('#'));

  test('shows no command that no test runs', () => {
    expect(commands.filter(command => !(command in runBy))).toEqual([]);
    expect(Object.keys(runBy).filter(command => !commands.includes(command))).toEqual([]);
  });

  test.each(Object.entries(runBy).filter(([, by]) => by !== 'itself'))('`%s` is run by %s', (command, by) => {
    expect(files).toContain(by);
    expect(read(by)).toContain(command);
  });

  test('every npm command has its script', () => {
    const scripts = Object.keys(json('package.json').scripts);
    const named = [...read('README.md').matchAll(/\bnpm (?:run )?(start|test|check|local)\b/g)].map(
      ([, name]) => name!,
    );
    expect([...new Set(named)].filter(name => !scripts.includes(name))).toEqual([]);
  });

  test('every page that it and the other pages link to is there', () => {
    const pages = files.filter(path => path.endsWith('.md'));
    const broken = pages.flatMap(page =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(([, link]) => new URL(link!, `file:///${page}`).pathname.slice(1))
        .filter(path => !files.some(file => file === path || file.startsWith(path.endsWith('/') ? path : `${path}/`)))
        .map(path => `${page} → ${path}`),
    );
    expect(broken).toEqual([]);
  });
});

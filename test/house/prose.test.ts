import { describe, expect, test } from 'vitest';
import { files, read } from './sources.ts';

/** Columns of a line of prose: two pages fit side by side on a screen. */
const WIDTH = 100;

/** Lines that are longer, as `path:line`. A link's target cannot be wrapped and does not count. */
function tooWide(path: string, lines: Iterable<[number, string]>): string[] {
  return [...lines].flatMap(([n, line]) =>
    [...line.replace(/\]\([^)]*\)/g, ']')].length > WIDTH ? [`${path}:${n + 1}`] : [],
  );
}

describe('a page', () => {
  const pages = files.filter(path => path.endsWith('.md'));
  test.each(pages)('%s has no prose line over 100 columns', path => {
    expect(tooWide(path, proseOf(read(path)))).toEqual([]);
  });

  test('links to headings that are there', () => {
    const broken = pages.flatMap(page =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)]
        .map(([, link, anchor]) => ({ path: new URL(link!, `file:///${page}`).pathname.slice(1), anchor: anchor! }))
        .filter(({ path, anchor }) => !anchorsOf(read(path)).includes(anchor))
        .map(({ path, anchor }) => `${page} → ${path}#${anchor}`),
    );
    expect(broken).toEqual([]);
  });

  /** As GitHub makes them. */
  function anchorsOf(text: string): string[] {
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!.toLowerCase());
    return headings.map(heading => heading.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
  }

  /** Without tables and code blocks, which have a shape of their own. */
  function* proseOf(text: string): Generator<[number, string]> {
    let isCode = false;
    for (const [n, line] of text.split('\n').entries()) {
      if (/^\s*```/.test(line)) isCode = !isCode;
      else if (!isCode && !line.startsWith('|')) yield [n, line];
    }
  }
});

describe('a comment', () => {
  const sources = files.filter(path => /\.(ts|mjs|cjs|sh|ps1)$/.test(path));

  test.each(sources)('in %s has no line over 100 columns', path => {
    expect(tooWide(path, commentsOf(path))).toEqual([]);
  });

  /** Lines that are nothing but a comment, or a part of one. */
  function commentsOf(path: string): [number, string][] {
    const comment = /\.(sh|ps1)$/.test(path) ? /^\s*#/ : /^\s*(\/\/|\/\*|\*[ /])/;
    return [...read(path).split('\n').entries()].filter(([, line]) => comment.test(line));
  }
});

describe('the glossary', () => {
  const glossary = read('docs/glossary.md');
  const section = (heading: string) => glossary.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rowsOf = (heading: string) =>
    section(heading)
      .split('\n')
      .filter(line => line.startsWith('| ') && !line.startsWith('| ---'))
      .slice(1)
      .map(line => line.split('|').map(cell => cell.trim()));
  const words = [
    ...['domain', 'server', 'certificate', 'issuer', 'order', 'work', 'delivery', 'installed'],
    ...['claim', 'parked', 'held', 'served under'],
  ];

  test('has the twelve words, each with a meaning and a place in the code', () => {
    const rows = rowsOf('The twelve words');
    expect(rows.map(([, word]) => word)).toEqual(words.map(word => `**${word}**`));
    expect(rows.filter(([, , meaning, place]) => !meaning || !place)).toEqual([]);
  });

  test('names types and functions that are there', () => {
    const code = files
      .filter(path => /^(core|install|lambdas|lib|statemachines)\/.*\.(ts|json|sh)$/.test(path))
      .map(read)
      .join('\n');
    const places = [...rowsOf('The twelve words'), ...rowsOf('More words')].map(([, , , place]) => place!);
    const names = places.flatMap(place => [...place.matchAll(/`([\w.]+)`/g)].flatMap(([, name]) => name!.split('.')));
    expect(names.length).toBeGreaterThan(words.length);
    expect(names.filter(name => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
  });

  test('has a row for each room of core, and for no other', () => {
    const rooms = files.flatMap(path => /^core\/([^/]+)\//.exec(path)?.[1] ?? []);
    const named = rowsOf('The rooms of core').map(([, room]) => room!.replace(/^`(.*)\/`$/, '$1'));
    expect(named.toSorted()).toEqual([...new Set(rooms)].sort());
  });
});

describe('the decisions', () => {
  const folder = 'docs/decisions/';
  const pages = files.filter(path => path.startsWith(folder) && !path.endsWith('/README.md')).sort();
  const headOf = (path: string) =>
    /^# (?<number>\d{4}) (?<title>.+)\n\n\*\*Status\*\*: (?<status>(?:accepted|superseded by \[\d{4}\]).*)\n/.exec(
      read(path),
    )?.groups;

  test.each(pages)('%s has its number, a title, a status, and says what would change our mind', path => {
    const name = path.slice(folder.length);
    expect(headOf(path)?.['number']).toBe(name.slice(0, 4));
    const headings = [...read(path).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    for (const heading of ['Context', 'Choice', 'Price', 'What would change our mind'])
      expect(headings).toContain(heading);
  });

  test('are all in the index, with number, title, status and a sentence', () => {
    const rows = read(`${folder}README.md`)
      .split('\n')
      .filter(line => /^\| \d{4} \|/.test(line));
    const wanted = pages.map(path => {
      const { number, title, status } = headOf(path)!;
      return `| ${number} | [${title}](${path.slice(folder.length)}) | ${status} | `;
    });
    expect(rows.map((row, i) => row.slice(0, wanted[i]?.length))).toEqual(wanted);
    expect(rows.filter(row => !/ \| [^|]+\. \|$/.test(row))).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { readTable } from '../../bin/import-rows.ts';

const read = (text: string) => readTable(new TextEncoder().encode(text));
const mx1 = 'mx1.provider.example';
const wildcard = { domain: 'example.com', mailServers: [mx1], policy: 'wildcard' };

describe('a table of domains', () => {
  test.each([
    ['commas', `domain,server\nexample.com,${mx1}\n`],
    ['semicolons, as Excel writes them, and CRLF', `domain;server\r\nexample.com;${mx1}\r\n`],
    ['its delimiter in a line of its own', `sep=;\r\ndomain;server\r\nexample.com;${mx1}\r\n`],
    [
      'that line with quotes, a byte order mark and another delimiter',
      `\uFEFF"sep=|"\ndomain|server\nexample.com|${mx1}`,
    ],
    ['tabs', `server\tdomain\n${mx1}\texample.com`],
    ['a byte order mark', `\uFEFFDomain,Server\nexample.com,${mx1}\n`],
    ['empty lines and cells', `domain,server,policy,names,webmail_server\n\n,,,,\nexample.com, ${mx1} ,,,\n`],
    ['its policy in capitals', `Domain,Server,Policy\nEXAMPLE.com,MX1.provider.example,Wildcard\n`],
  ])('may have %s', (_, text) => {
    const { rows, problems } = read(text);
    expect(problems).toEqual([]);
    expect(rows.map(({ wish }) => wish)).toEqual([wildcard]);
  });

  test('counts the lines of a cell that has several, with any line ends', () => {
    for (const eol of ['\n', '\r\n', '\r'])
      expect(
        read(['domain,server', `a.example,"${mx1}`, 'mx2.provider.example"', `b.example,${mx1}`].join(eol)).rows,
      ).toMatchObject([
        { line: 3, wish: { domain: 'a.example' } },
        { line: 4, wish: { domain: 'b.example' } },
      ]);
  });

  test('has several servers and names in one cell, with spaces between them; names alone are a list', () => {
    const head = 'domain,server,policy,names,webmail server\n';
    const { rows } = read(`${head}bücher.example,${mx1}  mx2.provider.example,,mail webmail @,web1.provider.example\n`);
    expect(rows).toEqual([
      {
        line: 2,
        wish: {
          ...{ domain: 'xn--bcher-kva.example', mailServers: [mx1, 'mx2.provider.example'], policy: 'list' },
          ...{ names: ['mail', 'webmail', '@'], webmailServer: 'web1.provider.example' },
        },
      },
    ]);
  });

  test('says of each bad row its line, its column and the remedy, and keeps the good ones', () => {
    const rows = [
      'example',
      `a.example,mx 1..x`,
      `b.example,"${mx1},mx2.provider.example"`,
      `good.example,${mx1}`,
      `c.example,${mx1},d`,
    ];
    const table = read(`domain,server\n${rows.join('\n')}\n`);
    expect(table.rows).toMatchObject([{ line: 5, wish: { domain: 'good.example' } }]);
    expect(table.problems.map(({ line, field }) => [line, field])).toEqual([
      ...[
        [2, 'server'],
        [3, 'server'],
        [4, 'server'],
        [6, undefined],
      ],
    ]);
    expect(table.problems[2]!.text).toBe('has several in it; put spaces between them');
    expect(table.problems[3]!.text).toContain('3 cells for 2 columns');
    const policy = read(
      `domain,server,policy,names\na.example,${mx1},wild,\nb.example,${mx1},wildcard,mail\n`,
    ).problems;
    expect(policy.map(({ line, field }) => [line, field])).toEqual([
      ...[
        [2, 'policy'],
        [3, 'names'],
      ],
    ]);
    expect(policy[0]!.text).toContain('"wildcard" (the default) or "list"');
  });

  test('says of an empty cell what is to be put in', () => {
    const empty = read(`sep=,\ndomain,server\na.example,\n,${mx1}\nb.example\n`).problems;
    expect(empty).toEqual([
      {
        line: 3,
        field: 'server',
        text: 'is empty; give the full host name of its mail server, e.g. "mx1.provider.example"',
      },
      {
        line: 4,
        field: 'domain',
        text: 'is empty; give the domain that the mail addresses end in, e.g. "example.com"',
      },
      {
        line: 5,
        field: 'server',
        text: 'is empty; give the full host name of its mail server, e.g. "mx1.provider.example"',
      },
    ]);
  });

  test('says of a name that is too long its line, its column and the length', () => {
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(40)}.long.test`;
    const { problems } = read(`domain,server\n${name},${mx1}\nexample.com,${name}\n`);
    expect(problems.map(({ line, field }) => [line, field])).toEqual([
      ...[
        [2, 'domain'],
        [3, 'server'],
      ],
    ]);
    for (const { text } of problems) expect(text).toMatch(/longer than 237 characters.*: give the/);
  });

  test('counts the lines of the file, also where a cell goes over two', () => {
    expect(read(`domain,server\n"a.example","${mx1}\nmx2.provider.example"\nb,${mx1}\n`)).toMatchObject({
      ...{ rows: [{ line: 3 }], problems: [{ line: 4, field: 'domain' }] },
    });
  });

  test('that says the same twice says it once; where it says different things, neither is done', () => {
    const table = read(
      `domain,server\na.example,${mx1}\nb.example,${mx1}\nA.example,${mx1}\nb.example,mx2.provider.example\n`,
    );
    expect(table.rows).toMatchObject([{ line: 2, wish: { domain: 'a.example' } }]);
    expect(table.repeated).toEqual([{ line: 4, of: 2 }]);
    expect(table.problems.map(({ line }) => line)).toEqual([3, 5]);
    expect(table.problems[0]!.text).toMatch(/^b\.example is on lines 3, 5 with different wishes/);
  });

  test.each([
    ['an unknown column', 'domain,server,polcy\n', 'the column "polcy" is not known'],
    ['no column for the domain', `server\n${mx1}\n`, 'there is no column domain'],
    ['a column twice', 'domain,server,Server\n', 'the column server is there twice'],
    ['a quote that is never closed', 'domain,server\n"a.example,x\n', 'cannot be read as CSV'],
    ['nothing in it', '', 'there is no column domain'],
  ])('with %s is refused whole', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('in another encoding is refused whole', () => {
    expect(() => readTable(Uint8Array.from([0x64, 0xfc, 0x0a]))).toThrow('save it as "CSV UTF-8"');
  });
});

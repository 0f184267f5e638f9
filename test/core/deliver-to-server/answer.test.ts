import { describe, expect, test } from 'vitest';
import { parseAnswer } from '../../../core/deliver-to-server/answer.ts';

const hash = 'd'.repeat(64);
const server = 'mx1.provider.example';
type Mode = Parameters<typeof parseAnswer>[1]['mode'];
const parse = (output: string, mode: Mode = 'install') => parseAnswer(output, { server, hash, seq: 7, mode });
const header = (outcome: string) => `sealpost ${hash} 7 ${outcome}\n`;

describe("a server's answer", () => {
  const may = {
    install: ['installed', 'rolled-back', 'broken', 'stale', 'expired'],
    inspect: ['inspected', 'stale', 'expired'],
    verify: ['verified', 'stale', 'expired'],
  };
  const outcomes = [...new Set(Object.values(may).flat())];
  const each = (Object.keys(may) as Mode[]).flatMap(mode => outcomes.map(outcome => ({ mode, outcome })));

  test.each(each.filter(({ mode, outcome }) => may[mode].includes(outcome)))(
    'to mode $mode may be $outcome',
    ({ mode, outcome }) => {
      expect(parse(header(outcome), mode)).toEqual({ outcome, entries: [], facts: {} });
    },
  );

  // A server that is broken into says that an inspection was made, and refuses with its facts.
  test.each(each.filter(({ mode, outcome }) => !may[mode].includes(outcome)))(
    'to mode $mode is no answer if it is $outcome',
    ({ mode, outcome }) => {
      const said = `${header(outcome)}s\nfact refused by me\n`;
      expect(() => parse(said, mode)).toThrow(expect.objectContaining({ name: 'ServerUnreachable' }));
    },
  );

  test.each([
    ['stale 40', { outcome: 'stale', storedSeq: 40 }],
    ['stale', { outcome: 'stale' }],
    ['stale -1', { outcome: 'stale' }],
  ])('that is "%s" has the number that the server stores, if it gives one', (outcome, said) => {
    expect(parse(header(outcome))).toEqual({ entries: [], facts: {}, ...said });
  });

  test('has a letter for each entry, and reasons for some', () => {
    const answer = parse(`${header('installed')}surd\n3 r CertificateUnusable key does not match the leaf\n`);
    expect(answer.entries).toEqual([
      { letter: 's' },
      { letter: 'u' },
      { letter: 'r', reason: { name: 'CertificateUnusable', text: 'key does not match the leaf' } },
      { letter: 'd' },
    ]);
  });

  test('has facts, each with every value that was found', () => {
    const { facts } = parse(
      `${header('inspected')}fact os Debian GNU/Linux 12\nfact adopt-change one\nfact adopt-change two\nfact nginx\n`,
      'inspect',
    );
    expect(facts).toEqual({ os: ['Debian GNU/Linux 12'], 'adopt-change': ['one', 'two'], nginx: [''] });
  });

  test('is found after the text of a login banner', () => {
    expect(parse(`Welcome to mx1\n${header('installed')}s\n`)).toMatchObject({ entries: [{ letter: 's' }] });
  });

  test('with an unknown reason is a refusal', () => {
    const { entries } = parse(`${header('installed')}r\n1 r Bogus something\n`);
    expect(entries).toEqual([{ letter: 'r', reason: { name: 'InstallRefused', text: 'something' } }]);
  });

  test('with a reason for an entry that was not sent does no harm', () => {
    expect(parse(`${header('installed')}s\n9 r ServerFull no room\n`).entries).toEqual([{ letter: 's' }]);
  });
});

describe('the outcome is unknown', () => {
  test.each([
    ['nothing was printed', ''],
    ['something else was printed', 'sh: ./installer: Permission denied\n'],
    ['it answers another delivery', `sealpost ${'e'.repeat(64)} 7 installed\ns\n`],
    ['it answers another round', `sealpost ${hash} 6 installed\ns\n`],
    ['its outcome is unknown', header('finished')],
    ['its header was cut', `sealpost ${hash} 7\n`],
  ])('when %s', (_, output) => {
    expect(() => parse(output)).toThrow(
      expect.objectContaining({
        ...{ name: 'ServerUnreachable', about: server },
        message: expect.stringContaining('it is delivered again'),
      }),
    );
  });
});

/** Nothing of `\\p{C}` leaves for a terminal but line breaks, tabs and our own colours. */
import { expect, test, describe, vi } from 'vitest';
import { bus as busOn } from '../../aws/bus.ts';
import { metricsOf } from '../../aws/metric.ts';
import { json } from '../../bin/json.ts';
import { shown } from '../../bin/output.ts';
import { openScreen } from '../../bin/screen.ts';
import { SealpostError } from '../../core/errors.ts';
import { files, read, withoutComments } from '../house/sources.ts';

/** Texts that other parties may write: what a terminal would do with each. */
export const hostile: [string, string][] = [
  ['clears the screen', '\x1b[2J\x1b[H'],
  ['sets the clipboard (OSC 52)', '\x1b]52;c;cm0gLXJmIC8=\x07'],
  ['the same with C1', '\x9d52;c;cm0=\x9c'],
  ['hides what follows', '\x1b[8m'],
  ['goes back', 'good\rbad\b\b\b'],
  ['turns the line around', '\u202etxt.exe\u202c'],
  ['is of no width', 'a\u200bb\u2060c\ufeff'],
  ['is a lone surrogate', 'a\ud800b'],
  ['is of private use', '\ue000\u{f0000}'],
  ['is a null', 'a\0b'],
  ['is 64 KB of escapes', '\x1b['.repeat(32_768)],
];
/** Control, invisible, unassigned: all but line breaks and tabs. */
const hidden = /[^\P{C}\n\t]/u;

describe('a text that', () => {
  test.each(hostile)('%s is shown without it', (_, text) => {
    expect(shown(`before ${text}\tafter\n`)).not.toMatch(hidden);
    expect(shown(`before ${text}\tafter\n`)).toMatch(/^before .*\tafter\n$/s);
  });

  test.each(hostile)('%s is escaped in JSON, and read back the same', (_, text) => {
    const written = json({ message: text });
    expect(written).not.toMatch(hidden);
    expect(JSON.parse(written)).toEqual({ message: text });
  });

  test.each(hostile)('%s is drawn without it', (_, text) => {
    let drawn = '';
    const output = { isTTY: true, columns: 200_000, rows: 10, write: (more: string) => void (drawn += more) };
    const screen = openScreen(output as never, { NO_COLOR: '1' });
    screen.print(text);
    screen.draw([{ text }]);
    expect(drawn).not.toMatch(hidden);
  });

  test.each(hostile)('%s has no place in the message of an error, which is 2 KB at most', (_, text) => {
    const { message } = new SealpostError('AcmeRejected', { about: 'example.com', message: `the CA said: ${text}` });
    expect(message).not.toMatch(hidden);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2_048);
  });
});

describe('what leaves for others has the same values, and no character that a terminal obeys:', () => {
  test.each(hostile)('an event with a text that %s', async (_, message) => {
    const sent: string[] = [];
    const send = async ({ input }: { input: { Entries: { Detail: string }[] } }) => {
      sent.push(...input.Entries.map(({ Detail }) => Detail));
      return { FailedEntryCount: 0 };
    };
    const detail = { domain: 'bakery.test', reason: 'AcmeRejected', message };
    await busOn({ send } as never, 'bus').put([{ detailType: 'Request Rejected', detail } as never]);
    expect(sent[0]).not.toMatch(hidden);
    expect(JSON.parse(sent[0]!)).toEqual(detail);
  });

  test.each(hostile)('a line of a log with a text that %s', (_, domain) => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    metricsOf('sealpost', { now: () => 0 }).count('Parked', { outcome: 'Unexpected', facts: { domain } });
    const line = String(write.mock.calls[0]![0]);
    write.mockRestore();
    expect(line).not.toMatch(hidden);
    expect(JSON.parse(line)).toMatchObject({ domain });
  });

  test('every page and every schema with its example', () => {
    const pages = files.filter(file => /^docs\/.*\.(md|json)$/.test(file));
    expect(pages.filter(file => hidden.test(read(file)))).toEqual([]);
    expect(pages.some(file => file.endsWith('.json'))).toBe(true);
  });
});

test('the command line and the product print at one place each, and by nothing else', () => {
  const printing = /\bconsole\.|std(out|err)\.write\b/;
  const folders = /^(bin|prove|core|aws|lambdas|statemachines)\/.*\.ts$/;
  const found = files.filter(file => folders.test(file) && printing.test(withoutComments(read(file))));
  // The second one writes JSON for CloudWatch, which is escaped.
  expect(found).toEqual(['aws/metric.ts', 'bin/output.ts']);
});

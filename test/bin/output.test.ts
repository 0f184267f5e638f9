/** Nothing of `\\p{C}` leaves for a terminal but line breaks, tabs and our own colours. */
import { expect, test, describe } from 'vitest';
import { json } from '../../bin/json.ts';
import { shown } from '../../bin/output.ts';
import { openScreen } from '../../bin/screen.ts';
import { SealpostError } from '../../core/errors.ts';
import { files, read } from '../house/sources.ts';

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

test('the command line prints by output.ts and screen.ts, and by nothing else', () => {
  const printing = /\bconsole\.|std(out|err)\.write\b/;
  const found = files.filter(file => /^bin\/.*\.ts$/.test(file) && printing.test(read(file)));
  expect(found).toEqual(['bin/output.ts']);
});

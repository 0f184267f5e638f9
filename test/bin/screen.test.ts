import { expect, test } from 'vitest';
import { openScreen } from '../../bin/screen.ts';

/** A terminal that knows cursor-up, carriage return, erase-below and newline. */
function terminal(isTTY = true) {
  const rows: string[] = [''];
  let row = 0;
  let raw = '';
  const output = {
    ...{ isTTY, columns: 20, rows: 10 },
    write(text: string) {
      raw += text;
      for (const [part, up, erase] of text.matchAll(/\x1b\[(\d+)A|(\x1b\[J)|\x1b\[\d+m|\r|\n|[^\x1b\r\n]+/g)) {
        if (up !== undefined) row -= Number(up);
        else if (erase) rows.splice(row, rows.length, '');
        else if (part === '\n') rows[(row += 1)] ??= '';
        else if (part !== '\r' && !part.startsWith('\x1b')) rows[row] += part;
      }
      return true;
    },
  };
  return { output: output as any, seen: () => rows.filter(line => line !== ''), raw: () => raw };
}

test('a picture is drawn anew in place, and lines scroll away above it', () => {
  const { output, seen } = terminal();
  const screen = openScreen(output, {});
  screen.print('begun');
  screen.draw([{ text: 'one' }, { text: 'two', tone: 'good' }]);
  screen.draw([{ text: 'three' }]);
  screen.print('a word');
  expect(seen()).toEqual(['begun', 'a word', 'three']);
  screen.erase();
  expect(seen()).toEqual(['begun', 'a word']);
});

test('a line that is too long is cut, since a second row would shift the picture', () => {
  const { output, seen } = terminal();
  openScreen(output, {}).draw([{ text: 'x'.repeat(50) }]);
  expect(seen()[0]).toHaveLength(19);
});

test('where there is no terminal, or none that can, there are plain lines and nothing else', () => {
  for (const [isTTY, environment] of [
    [false, {}],
    [true, { TERM: 'dumb' }],
  ] as const) {
    const { output, raw } = terminal(isTTY);
    const screen = openScreen(output, environment);
    screen.draw([{ text: 'a picture', tone: 'bad' }]);
    screen.print('a line');
    screen.erase();
    expect(screen.live).toBe(false);
    expect(raw()).toBe('a line\n');
  }
});

test('NO_COLOR is heeded', () => {
  const { output, raw } = terminal();
  openScreen(output, { NO_COLOR: '1' }).draw([{ text: 'red', tone: 'bad' }]);
  expect(raw()).toBe('red\n');
});

/**
 * A picture at the foot of a terminal, redrawn in place, with plain lines that scroll away above
 * the picture. Without a terminal, the plain lines only.
 */
import { printable } from '../core/errors.ts';
import { shown } from './output.ts';
import type { Line } from './road-view.ts';

export interface Screen {
  /** There is a terminal to draw on. */
  live: boolean;
  /** A line that stays. */
  print(line: string): void;
  /** Puts the picture in place of the last one. */
  draw(lines: Line[]): void;
  /** Rows that a picture may have. */
  rows(): number;
  /** Takes the picture away. */
  erase(): void;
}

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns' | 'rows'>;

/** ECMA-48 SGR: green, red, faint. */
const TONES = { good: 32, bad: 31, faint: 2 };

/** @param environment `NO_COLOR` (no-color.org) and `TERM` are read */
export function openScreen(output: Output, environment: NodeJS.ProcessEnv): Screen {
  const live = output.isTTY === true && environment.TERM !== 'dumb';
  const colour = !environment.NO_COLOR;
  let picture: Line[] = [];

  // One write, so that no half picture is seen: up to the first row, erase to the end, print.
  const redraw = (above: string, next: Line[]) => {
    const back = picture.length > 0 ? `\x1b[${picture.length}A\r\x1b[J` : '';
    output.write(`${back}${above}${next.map(line => `${painted(line)}\n`).join('')}`);
    picture = next;
  };
  // A line that wraps would take two rows, and the next picture would begin in the wrong row.
  const painted = ({ text: raw, tone }: Line) => {
    const text = printable(raw);
    const cut = text.length < output.columns ? text : `${text.slice(0, output.columns - 2)}…`;
    return tone && colour ? `\x1b[${TONES[tone]}m${cut}\x1b[0m` : cut;
  };

  return {
    live,
    print: line => redraw(`${shown(line)}\n`, picture),
    draw: lines => {
      if (live) redraw('', lines);
    },
    rows: () => Math.max(2, Math.min(24, (output.rows ?? 24) - 2)),
    erase: () => redraw('', []),
  };
}

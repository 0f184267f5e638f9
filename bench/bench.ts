/** What every bench is, and how its result becomes a section of docs/performance.md. */
import { cpus, loadavg, totalmem } from 'node:os';

export type Report = (line: string) => void;

/** A table with what a reader must know beside it. Cells are text as it is printed. */
export interface Result {
  columns: string[];
  rows: string[][];
  /** Sentences, each a paragraph below the table. */
  notes: string[];
}

export interface Bench {
  /** One sentence: what is measured. */
  about: string;
  /** Options of the command line, `NAME=NUMBER`, and their defaults. */
  options: Record<string, number>;
  run(options: Record<string, number>, report: Report): Promise<Result>;
}

/** The machine on which a bench ran. */
export interface Machine {
  model: string;
  cores: number;
  gigabytes: number;
  /** Load average of the last minute, when the bench began and when it ended. */
  load: [number, number];
}

export function machine(loadAtBegin: number): Machine {
  const [first] = cpus();
  return {
    model: first?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    gigabytes: Math.round(totalmem() / 2 ** 30),
    load: [loadAtBegin, loadavg()[0]!],
  };
}

export const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;

/**
 * Puts a section into the page: in the place of the section of this name, or at the end.
 * @param page docs/performance.md as it is
 * @param section its name, and its text without the heading
 */
export function withSection(page: string, section: { name: string; text: string }): string {
  const [head, ...sections] = page.split(/^(?=## )/m) as [string, ...string[]];
  const heading = `## ${section.name}\n`;
  const text = `${heading}\n${section.text.trim()}\n`;
  const isNew = !sections.some(each => each.startsWith(heading));
  const all = sections.map(each => (each.startsWith(heading) ? text : each));
  if (isNew) all.push(text);
  return [head, ...all].map(each => `${each.trimEnd()}\n`).join('\n');
}

export function sectionText(bench: Bench, result: Result, on: Machine & { command: string; date: string }): string {
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const [first, last] = on.load.map(load => load.toFixed(1));
  return [
    bench.about,
    '',
    `\`${on.command}\` on ${on.date}: ${on.cores} cores, ${on.gigabytes} GB, ${on.model};`,
    `load ${first} at its begin and ${last} at its end.`,
    '',
    row(result.columns),
    row(result.columns.map(() => '---')),
    ...result.rows.map(row),
    ...result.notes.flatMap(note => ['', note]),
  ].join('\n');
}

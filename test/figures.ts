/**
 * The figures that a test run measures beside its assertions: one file for each topic, which run.ts
 * reads and prints at the end.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const FIGURES = join(import.meta.dirname, '../.local/figures');

/** What was measured, in words, and the figure with its unit. */
export type Figures = Record<string, string>;

export function record(topic: string, figures: Figures): void {
  mkdirSync(FIGURES, { recursive: true });
  writeFileSync(join(FIGURES, `${topic}.json`), JSON.stringify(figures));
}

export function forget(): void {
  rmSync(FIGURES, { recursive: true, force: true });
}

/** All that was recorded since `forget`, sorted by topic. */
export function recorded(): Figures {
  mkdirSync(FIGURES, { recursive: true });
  const files = readdirSync(FIGURES).sort();
  return Object.assign({}, ...files.map(file => JSON.parse(readFileSync(join(FIGURES, file), 'utf8')))) as Figures;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

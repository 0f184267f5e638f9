/** What a provider needs from this machine and from the cache before it can start. */
import { mkdirSync } from 'node:fs';
import { ensurePebble } from './ca/pebble.ts';
import { ensureBase } from './hosts/base.ts';
import { preflight } from './hosts/preflight.ts';
import { USUAL, type Kind } from './hosts/software.ts';
import { synthesise } from './synth.ts';

/**
 * Brings what a first run lacks; a later run finds it in the cache.
 * @param directory where the synthesised stack is kept
 * @param kinds the kinds of host whose bases are needed
 * @returns the stack's cdk.out
 */
export async function prepare(
  directory: string,
  report: (line: string) => void,
  kinds: Kind[] = [USUAL],
): Promise<string> {
  const lacks = await preflight();
  if (lacks.length > 0) throw new Error(`this machine cannot play a hosting provider:\n  ${lacks.join('\n  ')}`);
  mkdirSync(directory, { recursive: true });
  const [cdkOut] = await Promise.all([
    synthesise(directory, report),
    ensurePebble({ report }),
    ...kinds.map(({ release, software }) => ensureBase({ release, software, report })),
  ]);
  return cdkOut;
}

/** Prints lines with the seconds since now in front. */
export function reporter(print: (line: string) => void = console.log): (line: string) => void {
  const started = Date.now();
  return line => print(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

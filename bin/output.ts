/**
 * The boundary to a person's terminal: everything that the command line prints passes here. Text of
 * other parties (a CA's words, a server's banner, an event's detail) may hold escape sequences that
 * a terminal obeys, and characters that reorder or hide a line.
 */
import { printable } from '../core/errors.ts';

/** Each control, invisible or unassigned character becomes a blank; line breaks and tabs stay. */
export function shown(text: string): string {
  return text
    .split('\n')
    .map(line => line.split('\t').map(printable).join('\t'))
    .join('\n');
}

/** console.log would hide that a line could not be written. */
export function say(text: string): void {
  process.stdout.write(`${shown(text)}\n`);
}

export function complain(text: string): void {
  console.error(shown(text));
}

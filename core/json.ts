/**
 * JSON in which each character that a terminal obeys or hides is escaped, as JSON allows for every
 * character. A reader gets the same values. A person who prints an event or a line of a log keeps a
 * terminal that nobody else writes to.
 */
export function escapedJson(value: unknown, ...how: [replacer?: Replacer, indent?: number]): string {
  return JSON.stringify(value, ...how).replace(/[^\P{C}\n]/gu, escaped);
}

type Replacer = (name: string, value: unknown) => unknown;

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map(i => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
}

/** Answers for programs: JSON, with times as ISO 8601 in UTC. */

const MOMENTS = new Set([
  ...['since', 'at', 'seenAt', 'sentAt', 'oldest', 'until', 'nextTry', 'takenOverAt'],
  ...['notBefore', 'notAfter', 'renewAt', 'start', 'end'],
]);

/** Characters that a terminal obeys or hides are escaped, as JSON allows for every character. */
export function json(value: unknown): string {
  return JSON.stringify(
    value,
    (name, one) => (MOMENTS.has(name) && typeof one === 'number' ? new Date(one).toISOString() : one),
    2,
  ).replace(/[^\P{C}\n]/gu, escaped);
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map(i => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
}

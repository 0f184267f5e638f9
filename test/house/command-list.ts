/**
 * `npm run commands`: writes the README's list of commands from the table of commands, between two
 * marks. test/bin/commands.test.ts fails while the list is stale.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands } from '../../bin/commands.ts';
import { checkout, read } from './sources.ts';

export const marks = { begin: '<!-- npm run commands writes this list -->\n', end: '<!-- end of the list -->\n' };

export function list(): string {
  const lines = Object.values(commands).flatMap(({ brief, examples }) => [
    `# ${brief}`,
    ...examples.map(example => `npx sealpost ${example}`),
  ]);
  return `\n\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n\n`;
}

/** What stands between the marks, and what stands around them. */
export function parts(readme: string): { before: string; list: string; after: string } {
  const [begin, end] = [readme.indexOf(marks.begin) + marks.begin.length, readme.indexOf(marks.end)];
  if (begin < marks.begin.length || end < begin) throw new Error('README.md has no place for the list of commands');
  return { before: readme.slice(0, begin), list: readme.slice(begin, end), after: readme.slice(end) };
}

if (import.meta.main) {
  const { before, after } = parts(read('README.md'));
  writeFileSync(join(checkout, 'README.md'), `${before}${list()}${after}`);
}

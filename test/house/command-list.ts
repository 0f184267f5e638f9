/** The README's list of commands, between two marks, from the table of commands. */
import { commands } from '../../bin/commands.ts';
import { read } from './sources.ts';

export const marks = { begin: '<!-- npm run generate writes this list -->\n', end: '<!-- end of the list -->\n' };

export function list(): string {
  const lines = Object.values(commands).flatMap(({ brief, examples }) => [
    `# ${brief}`,
    ...examples.map(example => `sealpost ${example}`),
  ]);
  return `\n\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n\n`;
}

/** What stands between the marks, and what stands around them. */
export function parts(readme: string): { before: string; list: string; after: string } {
  const [begin, end] = [readme.indexOf(marks.begin) + marks.begin.length, readme.indexOf(marks.end)];
  if (begin < marks.begin.length || end < begin) throw new Error('README.md has no place for the list of commands');
  return { before: readme.slice(0, begin), list: readme.slice(begin, end), after: readme.slice(end) };
}

/** @returns path → content */
export function withCommands(): Map<string, string> {
  const { before, after } = parts(read('README.md'));
  return new Map([['README.md', `${before}${list()}${after}`]]);
}

/** Two generated parts of docs/first-account.md: the steps and the policy, from tables of prove. */
import { policy } from '../../prove/rights.ts';
import { steps } from '../../prove/steps.ts';
import { read } from './sources.ts';

const PAGE = 'docs/first-account.md';
const OWNER = { stack: 'sealpost', region: 'eu-west-1', zone: 'provider.example' };

const mark = (part: string) => ({
  begin: `<!-- npm run generate writes ${part} -->\n`,
  end: `<!-- end of ${part} -->\n`,
});

function stepsTable(): string {
  const expected = (expects: (typeof steps)[number]['expects']) =>
    typeof expects === 'function'
      ? `a hybrid node: \`${JSON.stringify(expects({ node: 'mi-' }))}\`, an instance: \`${JSON.stringify(expects({ node: 'i-' }))}\``
      : `\`${JSON.stringify(expects)}\``;
  const rows = steps.map(
    ({ name, about, expects, explain }) => `| ${name} | ${about} | ${expected(expects)} | ${explain} |`,
  );
  return [
    '| step | what it asks | what we expect | if the answer differs |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function withPart(text: string, { part, content }: { part: string; content: string }): string {
  const { begin, end } = mark(part);
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  if (from < begin.length || to < from) throw new Error(`${PAGE} has no place for ${part}`);
  return `${text.slice(0, from)}\n${content}\n\n${text.slice(to)}`;
}

/** @returns path → content */
export function firstAccountPage(): Map<string, string> {
  const shown = `\`\`\`json\n${JSON.stringify(policy(OWNER), undefined, 2)}\n\`\`\``;
  const withSteps = withPart(read(PAGE), { part: 'the steps', content: stepsTable() });
  return new Map([[PAGE, withPart(withSteps, { part: 'the policy', content: shown })]]);
}

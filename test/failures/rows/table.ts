/** All rows, and docs/failures.md, which `npm run generate` writes. */
import { rows as awsRows } from './aws.ts';
import { rows as caRows } from './ca.ts';
import { rows as elsewhere } from './elsewhere.ts';
import type { Row } from './row.ts';
import { mutants } from './mutants.ts';

const order: Row['where'][] = ['CA', 'DNS', 'AWS', 'Mail server', 'People'];

export const rows: Row[] = order.flatMap(where =>
  [...elsewhere, ...caRows, ...awsRows].filter(row => row.where === where),
);

const INTRODUCTION = `# Failures

What goes wrong, what follows, and how it ends. Each row is walked by the test in its last column.
\`npm run generate\` writes this page from \`test/failures/\`: edit the rows there. The
[runbook](runbook.md) says what a person does, by the name of the error.

In all rows, what is served before is served until something newer was seen served.
`;

const COLUMNS = ['what goes wrong', 'road', 'stored', 'served', 'a person sees', 'it ends', 'test'];

const line = (cells: string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function section(where: Row['where']): string {
  const lines = rows
    .filter(row => row.where === where)
    .map(({ what, road, stored, served, seen, ends, test }) =>
      line([what, road, stored, served, seen, ends, `\`${test.file.replace(/^test\//, '')}\``]),
    );
  return [`## ${where}\n`, line(COLUMNS), line(COLUMNS.map(() => '---')), ...lines, ''].join('\n');
}

const MUTATIONS = `## Mutations

Each row takes back what keeps a certificate from ending unsaid. \`npm run mutants\` does so in a copy
of the checkout, and the test of the row fails each time.
`;

function mutations(): string {
  const lines = mutants.map(({ what, file, test }) =>
    line([what, `\`${file}\``, `${test.name} (\`${test.file.replace(/^test\//, '')}\`)`]),
  );
  const columns = ['what is taken back', 'in', 'the test that fails'];
  return [MUTATIONS, line(columns), line(columns.map(() => '---')), ...lines, ''].join('\n');
}

export function failuresPage(): string {
  return [INTRODUCTION, ...order.map(section), mutations()].join('\n');
}

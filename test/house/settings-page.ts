/** docs/settings.md, from the rows of lib/settings.ts and the options in core/acme/issuer.ts. */
import { format } from 'prettier';
import { issuerOptions } from '../../core/acme/issuer.ts';
import { settings, type Setting } from '../../lib/settings.ts';
import { json } from './sources.ts';

export async function settingsPage(): Promise<Map<string, string>> {
  const options = { ...json('.prettierrc.json'), parser: 'markdown', proseWrap: 'always', printWidth: 100 };
  return new Map([['docs/settings.md', await format(page(), options)]]);
}

function page(): string {
  return `# Settings

Each setting is a parameter of the stack. \`npm run generate\` writes this page from
\`lib/settings.ts\`. CloudFormation refuses a value that does not have the form given here, before
it changes anything.

${Object.entries<Setting>(settings)
  .map(([name, setting]) => section(name, setting))
  .join('\n')}
## Options of an issuer

\`Issuers\` is a JSON list. Each issuer is an object with \`name\` and \`directory\`, in this order, and
then with any of the other options.

| option | meaning |
| --- | --- |
${Object.entries(issuerOptions)
  .map(([name, { meaning, example }]) => `| \`"${name}":${JSON.stringify(example)}\` | ${meaning} |`)
  .join('\n')}
`;
}

function section(name: string, setting: Setting): string {
  const { description, allowedValues, allowedPattern, constraintDescription, maxLength } = setting;
  const form = allowedValues?.join(', ') ?? allowedPattern;
  const must = name === 'Issuers' ? 'see below' : (constraintDescription?.replace(/^must be /, '') ?? code(form));
  const facts = [
    setting.default === undefined
      ? 'No default: the first deploy must give a value.'
      : `Default: ${code(setting.default)}`,
    ...(form === undefined ? [] : [`Form: ${must}.`]),
    ...(maxLength === undefined ? [] : [`At most ${maxLength.toLocaleString('en')} characters.`]),
    ...(setting.readBy.length > 0 ? [`Read by ${setting.readBy.map(code).join(', ')}.`] : []),
  ];
  return `## ${name}

${description}

${facts.map(fact => `- ${fact}`).join('\n')}
`;
}

function code(value: string | undefined): string {
  if (value === '') return 'empty';
  return value !== undefined && value.length > 80 ? `\n\n  \`\`\`json\n  ${value}\n  \`\`\`\n` : `\`${value}\``;
}

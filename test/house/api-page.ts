/** API.md: what the package exports, from the docstrings that its types have, too. */
import { format } from 'prettier';
import { grammarOf, type Node } from './grammar.ts';
import { json, read } from './sources.ts';

/** In the order of the page. */
const SOURCES = ['lib/sealpost.ts', 'lib/sealpost-props.ts', 'lib/issuer.ts', 'lib/deployment.ts'];

const rootOf = await grammarOf('typescript');

interface Described {
  text: string;
  tags: { name: string; text: string }[];
}

export async function apiPage(): Promise<Map<string, string>> {
  const options = { ...json('.prettierrc.json'), parser: 'markdown', proseWrap: 'always', printWidth: 100 };
  return new Map([['API.md', await format(page(), options)]]);
}

function page(): string {
  return `# The construct

\`npm run generate\` writes this page from the docstrings in \`lib/\`. [A whole app](examples/app/README.md)
uses the construct; [settings.md](docs/settings.md) has the same settings as parameters of the stack
that this repository deploys.

\`\`\`ts
${/const mail = [\s\S]*?\n}\);/.exec(read('examples/app/app.ts'))![0]}
\`\`\`

${SOURCES.flatMap(path => declared(rootOf(read(path)))).join('\n')}
`;
}

const childrenOf = (node: Node) => node.namedChildren.filter(child => child !== null);

function declared(root: Node): string[] {
  return childrenOf(root).flatMap(statement => {
    const declaration = statement.type === 'export_statement' ? statement.childForFieldName('declaration') : undefined;
    const described = describe(statement);
    if (!declaration || isInternal(described)) return [];
    const name = declaration.childForFieldName('name')?.text;
    const body = declaration.childForFieldName('body');
    if (!name || !body || !/^(class|interface)_declaration$/.test(declaration.type)) return [];
    const extended = /^[^{]*\bextends (\w+)/.exec(declaration.text)?.[1];
    const from = extended === 'Deployment' ? `\nIt has all that [Deployment](#deployment) has.\n` : '';
    return [`## ${name}\n\n${prose(described)}\n${from}\n${childrenOf(body).flatMap(member).join('\n')}`];
  });
}

function member(node: Node): string[] {
  const described = describe(node);
  const isShown = /^(property_signature|public_field_definition|method_definition)$/.test(node.type);
  if (!isShown || isInternal(described) || /^(private|#)/.test(node.text)) return [];
  const signature = node.text
    .replace(/\s*\{\n[\s\S]*$/, '')
    .replace(/^readonly |;$/g, '')
    .replace(/\s+/g, ' ');
  return [`### \`${signature}\`\n\n${prose(described)}\n`];
}

const isInternal = ({ tags }: Described) => tags.some(({ name }) => name === 'internal');

/** The docstring that stands before the node. */
function describe(node: Node): Described {
  const comment = node.previousNamedSibling;
  if (comment?.type !== 'comment' || !comment.text.startsWith('/**')) return { text: '', tags: [] };
  const lines = comment.text.replace(/^\/\*\*|\*\/$/g, '').replace(/^\s*\* ?/gm, '');
  const [text, ...tags] = lines.split(/^\s*@/m);
  return {
    text: text!.trim(),
    tags: tags.map(tag => ({ name: /^\w+/.exec(tag)![0], text: tag.replace(/^\w+\s*/, '').trim() })),
  };
}

const TITLES: Record<string, string> = { default: 'Default: ', throws: 'Throws ', returns: 'Returns ', param: '' };

function prose({ text, tags }: Described): string {
  const listed = tags.map(({ name, text }) => {
    const said = name === 'param' ? text.replace(/^(\w+) /, '`$1`: ') : `${TITLES[name]}${text}`;
    return `- ${said.replace(/\.?$/, '.')}`;
  });
  return [text, listed.join('\n')].filter(Boolean).join('\n\n');
}

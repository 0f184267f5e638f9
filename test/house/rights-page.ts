/**
 * docs/rights.md, from the template: who may do what, on what, on which condition, and why. A
 * statement without a reason ends `npm run generate`.
 */
import { format } from 'prettier';
import { KINDS, type Kind } from '../../aws/keys.ts';
import { functionNames, kebab, type FunctionName } from '../../lib/function-names.ts';
import type { Template } from '../../lib/judges/template.ts';
import { ITEMS, WHY, type Right } from '../../lib/why.ts';
import { plain, rightsOf, STACK, stackTemplate, type Statement } from './stack-template.ts';
import { definitions } from './definitions.ts';
import { json, read } from './sources.ts';

/** What a record of each kind says, for a reader who does not know the table. */
const KIND: Record<Kind, string> = {
  domain: "a domain's wish, its order, the facts of its certificate, and the claim of the execution at work",
  server: 'a server, its node and role id, its work, what is installed on it, and the domains that wait for it',
  node: 'the server that a managed node is registered as',
  token: 'the token of the task that waits for a delivery',
  acm: 'the certificates in ACM by ARN, and how many were imported',
  issuer: 'the account at an issuer (its URL, no key), its trouble, and the budget of orders',
  walk: 'how far the renewal walk has come',
  outside: 'what the outside check saw of each server',
  foreign: "another party's certificate that an import saw served",
  page: "the day of the last guard's last page",
};

/** Roles beside those of the functions, by the beginning of their logical id. */
const ROLES: [RegExp, { title: string; why: string }][] = [
  [
    /^MailServersPolicy/,
    {
      title: 'A mail server',
      why: "The node's session is named after the node, so `${aws:userid}` is its own prefix. The denial keeps the issuers' parameters from the agent's own policy, which may read parameters.",
    },
  ],
  [
    /^StateMachines\w+EventsRole/,
    { title: 'The bus, for a state machine', why: 'An event on the bus starts an execution.' },
  ],
  [
    /^StateMachines/,
    {
      title: 'A state machine',
      why: 'Invokes its own steps, answers a bad event on the bus, and writes the log of its executions. The actions on logs have no resource in IAM.',
    },
  ],
  [/^Schedules/, { title: 'The scheduler', why: 'Invokes one function by the clock.' }],
];

/** Policies of resources, by type. */
const OF_RESOURCES: Record<string, string> = {
  'AWS::Events::EventBus':
    'Only the roles of the setting `SenderRoleArns` and ours may speak, and only ours as `sealpost`.',
  'AWS::KMS::Key':
    'The account decides by its own policies who may use the key (KMS developer guide, "Default key policy").',
  'AWS::Lambda::Permission': 'A rule of ours may invoke the function.',
  'AWS::S3::BucketPolicy': 'Nobody may speak without TLS.',
  'AWS::SNS::TopicPolicy': 'Our own rules and alarms may page; nobody may speak without TLS.',
  'AWS::SQS::QueuePolicy': 'Our own rules may keep an event that could not be delivered; nobody may speak without TLS.',
};

export async function rightsPage(): Promise<[string, string][]> {
  const options = { ...json('.prettierrc.json'), parser: 'markdown', proseWrap: 'always', printWidth: 100 };
  // A formatted table is as wide as its longest cell in every row.
  const blocks = page(stackTemplate()).split('\n\n');
  const wrapped = blocks.map(async block => (block.startsWith('|') ? block : format(block, options)));
  return [['docs/rights.md', `${(await Promise.all(wrapped)).map(block => block.trim()).join('\n\n')}\n`]];
}

function page(template: Template): string {
  const functions = functionNames.map(
    name =>
      `### ${name}\n\n${purposeOf(name)}\n\n${table(rightsOf(name, template), statement => whyOf(name, statement))}`,
  );
  return `# Rights

\`npm run generate\` writes this page from the template that is deployed. It is for a reader who
decides whether to let sealpost into an account. Each row is one statement of a policy. What is not
here is denied: no role of the stack has another policy, except a mail server's, which also has AWS's
own \`AmazonSSMManagedInstanceCore\`.

\`lib/functions.ts\` gives the rights, \`lib/why.ts\` the reasons. \`test/lib/rights.test.ts\` holds
for each function that it is denied every other kind of item. \`npm test\` lets the stand-in for AWS
decide each call by these policies, and compares its decisions with those of another evaluator
([0036](decisions/0036-a-second-evaluator-of-policies.md)). A statement without which every recorded call
would still be allowed fails the run ([0048](decisions/0048-a-right-is-used-or-gone.md)).

## Kinds of items

Everything that sealpost knows is in one DynamoDB table, and no private key is in it. IAM sees the
first part of an item's key, \`dynamodb:LeadingKeys\`, and so the kind.

${lines(
  ['kind', 'its key begins', 'what it says'],
  (Object.keys(KINDS) as Kind[]).map(kind => [kind, `\`${KINDS[kind].replace(/\?\*|\*/, '…')}\``, KIND[kind]]),
)}
## Functions

${functions.join('\n')}
## Other roles

${otherRoles(template)}
## Policies of resources

${ofResources(template)}`;
}

/** The first sentence of what the state, or the function's file, says about itself. */
function purposeOf(name: FunctionName): string {
  const states = [...definitions().values()].flatMap(text =>
    Object.entries((JSON.parse(text) as { States: Record<string, { Comment?: string }> }).States),
  );
  const comment = states.find(([state]) => state === name)?.[1].Comment;
  const docstring = /^\/\*\* (.*?) \*\//.exec(read(`lambdas/${kebab(name)}.ts`))?.[1];
  const text = comment ?? docstring;
  if (text === undefined) throw new Error(`${name}: neither its state nor its file says what it does`);
  return /^.*?[.](?= [A-Z]|$)/s.exec(text)![0];
}

function whyOf(name: FunctionName, { Sid = '', ...statement }: Statement): string {
  const kinds = kindsOf(statement);
  const missing = kinds.find(kind => ITEMS[name]?.[kind] === undefined);
  if (missing) throw new Error(`${name}: lib/why.ts does not say why it needs items of the kind ${missing}`);
  if (kinds.length > 0) return kinds.map(kind => `${kind}: ${ITEMS[name]?.[kind]}`).join('; ');
  const rights = (Object.keys(WHY) as Right[]).filter(right => Sid.startsWith(right));
  const [right] = rights.sort((a, b) => b.length - a.length);
  if (right === undefined) throw new Error(`${name}: the statement ${Sid} has no reason in lib/why.ts`);
  return WHY[right];
}

function table(statements: Statement[], why?: (statement: Statement) => string): string {
  const rows = statements.map(statement => [
    ...[mayOf(statement), onWhat(statement), conditions(statement)],
    ...(why ? [why(statement)] : []),
  ]);
  return lines(['may', 'on', 'only if', ...(why ? ['why'] : [])], rows);
}

function lines(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('');
}

function mayOf({ Effect, Action }: Statement): string {
  return `${Effect === 'Deny' ? '**may not** ' : ''}${codes(Action)}`;
}

function onWhat(statement: Statement): string {
  const kinds = kindsOf(statement);
  return kinds.length > 0 ? `items: ${kinds.join(', ')}` : codes(statement.Resource.map(short));
}

/** None: the statement is not about items. The table is the same for all. */
function kindsOf({ Condition = {} }: Pick<Statement, 'Condition'>): Kind[] {
  const keys = [Condition['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? []].flat();
  return (Object.keys(KINDS) as Kind[]).filter(kind => keys.includes(KINDS[kind]));
}

function conditions({ Condition = {} }: Statement): string {
  const said = Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).flatMap(([key, values]) =>
      // `Null` only says that the key has to be there.
      key === 'dynamodb:LeadingKeys' || operator === 'Null'
        ? []
        : [`\`${key}\` ${words(operator)} ${codes([values].flat().map(short))}`],
    ),
  );
  return said.join('; ');
}

function words(operator: string): string {
  if (operator.startsWith('ForAnyValue:')) return `(one of them) ${words(operator.slice(12))}`;
  if (operator.startsWith('ForAllValues:')) return `(all of them) ${words(operator.slice(13))}`;
  return /Not/.test(operator) ? 'is not' : /GreaterThanEquals/.test(operator) ? 'is, if there, at least' : 'is';
}

function otherRoles(template: Template): string {
  const policies = Object.entries(template.Resources).flatMap(([id, { Type, Properties = {} }]) => {
    if (id.startsWith('Functions')) return [];
    const documents: any[] =
      Type === 'AWS::IAM::Role'
        ? ((Properties['Policies'] as any[]) ?? []).map(policy => policy.PolicyDocument)
        : /^AWS::IAM::(Managed)?Policy$/.test(Type)
          ? [Properties['PolicyDocument']]
          : [];
    return documents.map(document => ({ id, statements: plain(document.Statement, template) }));
  });
  return policies
    .map(({ id, statements }) => {
      const of = ROLES.find(([pattern]) => pattern.test(id))?.[1];
      if (!of) throw new Error(`${id}: say in test/house/rights-page.ts what this role is for`);
      return `### ${of.title} (${nameOf(id)})\n\n${of.why}\n\n${table(statements)}`;
    })
    .join('\n');
}

function ofResources(template: Template): string {
  const rows = new Map<string, { row: string[]; sources: string[] }>();
  for (const [id, { Type, Properties = {} }] of Object.entries(template.Resources)) {
    const { PolicyDocument, KeyPolicy, Policy, FunctionName, SourceArn }: any = Properties;
    const ofRule = { ...Properties, Effect: 'Allow', Resource: FunctionName };
    const statements: object[] =
      Type === 'AWS::Lambda::Permission'
        ? [{ ...ofRule, Condition: { ArnEquals: { 'aws:SourceArn': SourceArn } } }]
        : Type.startsWith('AWS::IAM::')
          ? []
          : ((PolicyDocument ?? KeyPolicy ?? Policy)?.Statement ?? []);
    const why = OF_RESOURCES[Type];
    if (statements.length > 0 && why === undefined)
      throw new Error(`${id}: say in test/house/rights-page.ts why ${Type} has a policy`);
    for (const statement of plain(statements, template)) {
      const { Resource, Principal, Condition: { ArnEquals, ...Condition } = {} } = statement;
      const on = FunctionName === undefined ? nameOf(id) : short(Resource[0]!);
      const row = [on, mayOf(statement), who(Principal), conditions({ ...statement, Condition }), why!];
      const { sources } = rows.get(row.join()) ?? { sources: [] };
      // One statement a rule says the same for each rule.
      rows.set(row.join(), { row, sources: [...sources, ...[ArnEquals?.['aws:SourceArn'] ?? []].flat()] });
    }
  }
  return lines(
    ['resource', 'may', 'who', 'only if', 'why'],
    [...rows.values()].map(({ row: [on, may, whom, condition, why], sources }) => {
      const source = sources.length > 0 ? `\`aws:SourceArn\` is ${codes(sources.map(short))}` : '';
      return [on!, may!, whom!, [condition, source].filter(Boolean).join('; '), why!];
    }),
  );
}

function who(principal: unknown): string {
  if (typeof principal === 'string') return principal === '*' ? 'anybody' : `\`${principal}\``;
  const { AWS, Service } = principal as { AWS?: unknown; Service?: string };
  if (Service !== undefined) return `\`${Service}\``;
  return AWS === '*' ? 'anybody' : 'this account';
}

/** A logical id without CDK's hash. */
function nameOf(id: string): string {
  return id.replace(/[0-9A-F]{8}$/, '');
}

/** ARNs without the parts that say where: every stack has its own. */
function short(arn: string): string {
  return arn
    .replace(/^arn:aws:(\w+):(us-east-1)?:(123456789012)?:/, '$1:')
    .replaceAll(STACK, '<stack>')
    .replaceAll('us-east-1', '<region>')
    .replaceAll('123456789012', '<account>')
    .replace(/(function:|role\/|log-group:)Functions/, '$1')
    .replaceAll(/\b(\w+?)[0-9A-F]{8}\b/g, '$1');
}

function codes(texts: string[]): string {
  return texts.map(text => `\`${text.replaceAll('|', '\\|')}\``).join(', ');
}

/**
 * `sealpost policy`: the smallest policy with which a command works. test/bin/policy.test.ts runs
 * each command with its policy, and with each statement of it taken away.
 */
import type { Answer, Here, Resources } from './here.ts';
import { listed, mistyped } from './refusal.ts';

interface Statement {
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
}
type Rights = (resources: Resources) => Statement[];

const may = (action: string[], ...resource: string[]): Statement => ({
  ...{ Effect: 'Allow', Action: action, Resource: resource },
});
/** Any command but two finds the table and the settings in the configuration of a function. */
const find = ({ functions }: Resources, ...others: string[]) =>
  may(['lambda:GetFunctionConfiguration'], ...['claim-domain', ...others].map(name => functions + name));
const read: Rights = of => [
  find(of),
  may(['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'], of.table, `${of.table}/index/due`),
];
/** The bus's own policy lets the senders put events, and nobody else. */
const speak: Rights = of => [find(of)];
const invoke =
  (name: string): Rights =>
  ({ functions }) => [may(['lambda:InvokeFunction'], functions + name)];

const rights: Record<string, Rights> = {
  status: read,
  dns: read,
  settings: read,
  doctor: read,
  add: speak,
  change: read,
  delete: speak,
  register: speak,
  retire: speak,
  renew: invoke('renew'),
  audit: invoke('audit'),
  import: of => [find(of), may(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], of.table)],
  provide: of => [
    find(of, 'finalize-order'),
    may(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], of.table),
    may(['s3:PutObject'], of.certificates),
    may(['kms:GenerateDataKey'], of.key),
  ],
  watch: of => [
    // IAM has no resource to name for it (service authorization reference of Step Functions).
    may(['states:ListStateMachines'], '*'),
    may(['states:ListExecutions'], `${of.machines}*`),
    may(['states:DescribeExecution', 'states:GetExecutionHistory'], `${of.executions}*`),
  ],
  policy: of => [may(['lambda:GetFunctionConfiguration'], `${of.functions}finalize-order`)],
  completion: () => [],
};

export async function policy(here: Here, _: object, command: string): Promise<Answer> {
  const of = Object.hasOwn(rights, command) ? rights[command] : undefined;
  if (!of) {
    const message = `there is no command ${command}.`;
    const remedy = `Give ${listed(Object.keys(rights), 'or')}.`;
    throw mistyped({ name: 'UnknownCommand', message, remedy });
  }
  const document = { Version: '2012-10-17', Statement: of(await (await here.environment()).resources()) };
  return { text: JSON.stringify(document, undefined, 2), data: document, isWell: true };
}

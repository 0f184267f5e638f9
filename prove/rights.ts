/**
 * Every right that `npm run prove` needs, a row a purpose. The policy for a person, the question to
 * IAM before anything is changed, and the part of docs/first-account.md are made of the rows. A
 * test runs the whole with exactly this policy. The bus's own policy gives the right to put events.
 */
import { arnOf, type Subject } from './subject.ts';

type Owner = Pick<Subject, 'partition' | 'region' | 'account' | 'stack'> & { zone: string };

interface Right {
  why: string;
  actions: string[];
  on: (owner: Owner) => string[];
  where?: (owner: Owner) => Record<string, Record<string, string | string[]>>;
  /** Values of the condition's keys in our calls, for the question to IAM; a list of several. */
  context?: (owner: Owner) => Record<string, string | string[]>;
}

const any = () => ['*'];
const of = (service: string, ...resources: ((stack: string) => string)[]) => {
  return (owner: Owner) => resources.map(resource => arnOf(owner, { service, resource: resource(owner.stack) }));
};
const global = (service: string, resource: string) => (owner: Owner) => [
  arnOf({ ...owner, region: '', ...(service === 'route53' && { account: '' }) }, { service, resource }),
];
/** IAM's condition keys. */
const KEYS = {
  records: 'route53:ChangeResourceRecordSetsNormalizedRecordNames',
  types: 'route53:ChangeResourceRecordSetsRecordTypes',
  tag: 'ssm:resourceTag/sealpost:mail-server',
};

export const rights: Right[] = [
  {
    why: "Reads the bus's policy",
    actions: ['events:DescribeEventBus'],
    on: of('events', stack => `event-bus/${stack}`),
  },
  {
    why: 'Finds the table, and reads the state of the server and the domain',
    actions: ['lambda:GetFunctionConfiguration'],
    on: of('lambda', stack => `function:${stack}-claim-domain`),
  },
  { why: 'The same', actions: ['dynamodb:GetItem'], on: of('dynamodb', stack => `table/${stack}-*`) },
  {
    why: 'Asks for a renewal',
    actions: ['lambda:InvokeFunction'],
    on: of('lambda', stack => `function:${stack}-renew`),
  },
  {
    why: 'Finds the executions that its events started',
    actions: ['states:ListExecutions'],
    on: of('states', stack => `stateMachine:${stack}-*`),
  },
  {
    why: 'Reads what they did',
    actions: ['states:DescribeExecution', 'states:GetExecutionHistory'],
    on: of('states', stack => `execution:${stack}-*:*`),
  },
  { why: 'Sends a token that is none', actions: ['states:SendTaskSuccess'], on: any },
  {
    why: 'Asks the node for a delivery that is not its own',
    actions: ['ssm:SendCommand'],
    on: of('ssm', stack => `document/${stack}-deliver`),
  },
  {
    why: 'The same',
    actions: ['ssm:SendCommand'],
    on: owner => [
      arnOf(owner, { service: 'ssm', resource: 'managed-instance/*' }),
      arnOf(owner, { service: 'ec2', resource: 'instance/*' }),
    ],
    where: ({ stack }) => ({ StringEquals: { [KEYS.tag]: stack } }),
    context: ({ stack }) => ({ [KEYS.tag]: stack }),
  },
  {
    why: 'Reads the answer. IAM has no resource to name for these',
    actions: [
      'ssm:DescribeInstanceInformation',
      ...['ssm:GetCommandInvocation', 'ssm:ListCommandInvocations', 'ssm:ListCommands'],
    ],
    on: any,
  },
  {
    why: 'Finds the zone, and how many records it may have',
    actions: ['route53:ListHostedZonesByName'],
    on: any,
  },
  {
    why: 'The same',
    actions: ['route53:GetHostedZone', 'route53:GetHostedZoneLimit', 'route53:ListResourceRecordSets'],
    on: global('route53', 'hostedzone/*'),
  },
  {
    why: "Makes and removes the domain's addresses",
    actions: ['route53:ChangeResourceRecordSets'],
    on: global('route53', 'hostedzone/*'),
    // domainOf (before.ts) gives the name: 8 hexadecimal digits.
    where: ({ zone }) => ({
      'ForAllValues:StringLike': { [KEYS.records]: [`proof-????????.${zone}`, `*.proof-????????.${zone}`] },
      'ForAllValues:StringEquals': { [KEYS.types]: ['A', 'MX'] },
      Null: { [KEYS.records]: 'false', [KEYS.types]: 'false' },
    }),
    context: ({ zone }) => ({ [KEYS.records]: [`proof-00000000.${zone}`], [KEYS.types]: ['A', 'MX'] }),
  },
  {
    why: 'Waits until the name servers answer with them',
    actions: ['route53:GetChange'],
    on: global('route53', 'change/*'),
  },
  {
    why: 'Asks before anything is changed: which rights there are, and which quotas',
    actions: ['iam:GetRole', 'iam:SimulatePrincipalPolicy'],
    on: global('iam', 'role/*'),
  },
  { why: 'The same', actions: ['lambda:GetAccountSettings'], on: any },
  {
    why: 'Tells a missing stack from an account that is not ready for one',
    actions: ['ssm:GetParameter'],
    on: owner => [arnOf(owner, { service: 'ssm', resource: 'parameter/cdk-bootstrap/*' })],
  },
];

/** For a person to attach to the role; `*` where an account's own value would stand. */
export function policy({ stack, region, zone }: Pick<Owner, 'stack' | 'region' | 'zone'>): object {
  const owner = { stack, region, zone, partition: '*', account: '*' };
  const Statement = rights.map(({ actions, on, where }) => ({
    Effect: 'Allow',
    Action: actions,
    Resource: on(owner),
    ...(where && { Condition: where(owner) }),
  }));
  return { Version: '2012-10-17', Statement };
}

/** The template as it would be deployed: synthesised once for these sources, and kept. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { patience } from '../../aws/throttling.ts';
import { remedies } from '../../core/errors.ts';
import { eventsOut } from '../../core/events/events-out.ts';
import { functionNames, kebab } from '../../lib/function-names.ts';
import { pagedEnds } from '../../lib/paged-executions.ts';
import { compileEventPattern } from '../../packages/aws-stand-in/src/events/pattern.ts';
import { startStandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { synthesise } from '../../local/synth.ts';
import { checkout, read } from './sources.ts';

/** Without zip: what design says a function may weigh. */
const MOST_BYTES = 1_200_000;

/** Actions that have no resource to name, each with where AWS says so. */
const WITHOUT_RESOURCE = [
  // Service authorization reference, Systems Manager
  'ssm:DescribeInstanceInformation',
  'ssm:GetCommandInvocation',
  'ssm:ListCommandInvocations',
  'ssm:ListCommands',
  // Service authorization reference, ACM
  'acm:ListCertificates',
  // Service authorization reference, Route 53
  'route53:ListHostedZonesByName',
  // Step Functions developer guide, "Logging"
  'logs:CreateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:DescribeLogGroups',
  'logs:DescribeResourcePolicies',
  'logs:GetLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:UpdateLogDelivery',
];

interface Resource {
  Type: string;
  Properties: Record<string, any>;
}

let cdkOut: string;
let template: { Resources: Record<string, Resource>; Parameters: Record<string, any> };
let resources: Record<string, Resource>;
const ofType = (type: string) => Object.values(resources).filter(resource => resource.Type === type);
const functionOf = (name: string) =>
  ofType('AWS::Lambda::Function').find(({ Properties }) => Properties['FunctionName'] === `sealpost-${kebab(name)}`)!;

beforeAll(async () => {
  const directory = join(checkout, '.local/house');
  mkdirSync(directory, { recursive: true });
  // CDK's own validation is half of the time; what deploys runs it.
  process.env['CDK_VALIDATION'] = 'false';
  cdkOut = await synthesise(directory, () => {});
  template = JSON.parse(readFileSync(join(cdkOut, 'sealpost.template.json'), 'utf8'));
  resources = template.Resources;
}, 120_000);

test('the stand-in for AWS makes each resource', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-template-'));
  const standIn = await startStandIn({ directory });
  try {
    const parameters = {
      AcmeContact: 'mailto:certificates@provider.example',
      AcmeTermsAgreed: 'yes',
      ChallengeZoneId: 'Z0000000000000',
      ChallengeZoneName: 'acme.provider.example',
    };
    const made = await standIn.loadTemplate({ cdkOut, stackName: 'sealpost', parameters });
    const declared = Object.keys(resources).filter(id => resources[id]!.Type !== 'AWS::CDK::Metadata');
    expect(Object.keys(made.resources).sort()).toEqual(declared.sort());
  } finally {
    await standIn.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

describe('rights', () => {
  const allowed = () =>
    Object.entries(resources).flatMap(([id, resource]) =>
      statementsIn(resource.Properties)
        .filter(({ Effect }) => Effect === 'Allow')
        .map(statement => ({ id, type: resource.Type, ...statement })),
    );

  test('nobody may do everything of anything', () => {
    // A key's policy must give the key to the account itself, or nobody can ever change the policy
    // (KMS developer guide, "Default key policy").
    const toAccount = ({ type, Principal }: any) =>
      type === 'AWS::KMS::Key' && JSON.stringify(Principal).includes('":root"');
    const wide = allowed().filter(statement => !toAccount(statement) && listed(statement.Action).some(hasWildcard));
    expect(wide).toEqual([]);
    expect(allowed().filter(({ NotAction, NotResource }) => NotAction || NotResource)).toEqual([]);
  });

  /**
   * A service acts for every account's rules, alarms and schedules. A policy that names the service
   * alone lets a stranger's rule in. A role's trust is left out: only a principal of this account
   * can pass the role to a service (iam:PassRole).
   */
  test('a service may do something only for a source that is named', () => {
    const services = allowed().filter(
      ({ Principal, Action }: any) => Principal?.Service && Action !== 'sts:AssumeRole',
    );
    const sources = ({ Condition }: any) => Object.values<object>(Condition ?? {}).flatMap(keys => Object.keys(keys));
    const unnamed = services.filter(
      statement => !sources(statement).some(key => /^aws:Source(Arn|Account)$/.test(key)),
    );
    expect(services.length).toBeGreaterThan(3);
    expect(
      unnamed.map(({ id, Action, Principal }: any) => `${id} ${Action} ${JSON.stringify(Principal.Service)}`),
    ).toEqual([]);
  });

  test('a right names its resource, unless AWS has none to name for it', () => {
    const roles = allowed().filter(({ type }) => type !== 'AWS::KMS::Key');
    const everywhere = roles.filter(({ Resource }) => listed(Resource).includes('*'));
    const known = ({ Action }: any) => listed(Action).every(action => WITHOUT_RESOURCE.includes(action));
    expect(everywhere.filter(statement => !known(statement))).toEqual([]);
    const used = everywhere.flatMap(({ Action }) => listed(Action));
    expect(WITHOUT_RESOURCE.filter(action => !used.includes(action))).toEqual([]);
  });

  test('a condition on a key of several values has a set operator, and an Allow asks that there are any', () => {
    // ArrayOf… in the service authorization reference.
    const several =
      /^(events:(source|detail-type)|route53:ChangeResourceRecordSets\w+|dynamodb:(LeadingKeys|Attributes)|aws:TagKeys|kms:EncryptionContextKeys)$/;
    const conditions = Object.values(resources).flatMap(({ Properties }) =>
      statementsIn(Properties).flatMap(({ Effect, Condition = {} }) =>
        Object.entries<object>(Condition).flatMap(([operator, keys]) =>
          Object.keys(keys).flatMap(key => (several.test(key) ? [{ Effect, operator, key, Condition }] : [])),
        ),
      ),
    );
    expect(conditions.map(({ key }) => key)).toContain('events:source');
    const isSet = ({ operator }: { operator: string }) => /^ForA(ll|ny)Values?:/.test(operator) || operator === 'Null';
    expect(conditions.filter(condition => !isSet(condition))).toEqual([]);
    const allowing = conditions.filter(({ Effect, operator }) => Effect === 'Allow' && operator.startsWith('ForAll'));
    expect(allowing.filter(({ key, Condition }) => Condition.Null?.[key] !== 'false')).toEqual([]);
  });

  test('a mail server may read its own deliveries and the installers, and list nothing', () => {
    const [policy] = ofType('AWS::IAM::ManagedPolicy');
    const statements = statementsIn(policy!.Properties);
    const allowedActions = statements.flatMap(({ Effect, Action }) => (Effect === 'Allow' ? listed(Action) : []));
    expect(allowedActions.sort()).toEqual(['kms:Decrypt', 's3:GetObject']);
    // The agent's own policy beside it reads parameters: the ACME account key is kept from it.
    const denied = statements.flatMap(({ Effect, Action }) => (Effect === 'Deny' ? listed(Action) : []));
    expect(denied).toContain('ssm:GetParameter');
    expect(JSON.stringify(policy!.Properties)).toContain('/deliveries/${aws:userid}/*');
  });
});

describe('functions', () => {
  const bundleOf = (name: string) => {
    const asset = functionOf(name).Properties['Code'].S3Key.replace('.zip', '');
    return join(cdkOut, `asset.${asset}`, 'index.js');
  };

  test('there are those of lib/functions.ts and no others', () => {
    expect(ofType('AWS::Lambda::Function')).toHaveLength(functionNames.length);
  });

  test.each(functionNames)('%s runs on Node 24 on arm64, and its bundle is small', name => {
    expect(functionOf(name).Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
    });
    expect(statSync(bundleOf(name)).size).toBeLessThanOrEqual(MOST_BYTES);
  });

  test.each(functionNames)('%s has the settings that its code reads, and not one more', name => {
    const given = Object.keys(functionOf(name).Properties['Environment']?.Variables ?? {});
    expect(given.sort()).toEqual(settingsReadBy(readFileSync(bundleOf(name), 'utf8')));
  });
});

test('every function has more time than a call to AWS that gets no answer', () => {
  for (const { Properties } of ofType('AWS::Lambda::Function'))
    expect(Properties['Timeout'] * 1_000).toBeGreaterThan(4 * patience.requestHandler.requestTimeout);
});

describe('the environment of a function', () => {
  /** Lambda's limit for names and values together, in bytes. */
  const MOST = 4_096;
  /** The longest stack name: `<stack>-read-renewal-info` is a function's name, 64 at most. */
  const stack = 'a-very-long-stack-name-of-a-provider-'.padEnd(46, 's');
  const pseudo: Record<string, string> = {
    ...{ 'AWS::Partition': 'aws-us-gov', 'AWS::Region': 'ap-southeast-1', 'AWS::URLSuffix': 'amazonaws.com' },
    ...{ 'AWS::AccountId': '123456789012' },
  };
  const parameter = (id: string): any => template.Parameters[id];
  /** @param given lengths of settings; each other one has its default, or 100 characters */
  const lengthOf = (value: any, given: Record<string, number>): number => {
    if (typeof value === 'string') return value.replaceAll('sealpost', stack).length;
    if (value['Fn::Join']) return value['Fn::Join'][1].reduce((sum: number, one: any) => sum + lengthOf(one, given), 0);
    if (value['Fn::GetAtt']) return 90;
    const { Ref } = value;
    if (pseudo[Ref] !== undefined) return pseudo[Ref].length;
    if (!parameter(Ref)) return 63;
    return given[Ref] ?? parameter(Ref).Default?.length ?? 100;
  };
  const bytes = (name: string, given: Record<string, number>) =>
    Object.entries<any>(functionOf(name).Properties['Environment']?.Variables ?? {}).reduce(
      (sum, [variable, value]) => sum + variable.length + lengthOf(value, given),
      0,
    );

  test.each(functionNames)('of %s holds the longest roots beside the default issuer', name => {
    expect(bytes(name, { TrustedRoots: parameter('TrustedRoots').MaxLength })).toBeLessThanOrEqual(MOST);
  });

  test.each(functionNames)('of %s holds the longest list of issuers, without roots', name => {
    expect(bytes(name, { Issuers: parameter('Issuers').MaxLength })).toBeLessThanOrEqual(MOST);
  });

  test("roots as Let's Encrypt's staging has, an RSA and an EC one, are not too long", () => {
    expect(parameter('TrustedRoots').MaxLength).toBeGreaterThanOrEqual(2_000 + 900);
  });
});

describe('schedules', () => {
  const schedules = () => ofType('AWS::Scheduler::Schedule').map(({ Properties }) => Properties['Target']);
  const idOf = ({ Arn }: { Arn: any }) => Arn['Fn::GetAtt'][0] as string;

  test('a call that fails is tried again within the minute, and is no dead letter: the next one comes anyway', () => {
    expect(schedules()).toHaveLength(4);
    for (const target of schedules()) {
      expect(target.RetryPolicy).toEqual({ MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 60 });
      expect(target).not.toHaveProperty('DeadLetterConfig');
      expect(resources[idOf(target)]!.Properties).not.toHaveProperty('DeadLetterConfig');
      const of = ofType('AWS::Lambda::EventInvokeConfig').find(
        ({ Properties }) => Properties['FunctionName'].Ref === idOf(target),
      );
      expect(of?.Properties).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
    }
  });

  test('what AWS says once has a dead letter: no schedule says it again', () => {
    const withDeadLetters = functionNames.filter(name => functionOf(name).Properties['DeadLetterConfig']);
    expect(withDeadLetters.sort()).toEqual(['OnAcmExpiry', 'OnCommandStatus']);
  });

  test('a function that has not succeeded for some time pages: ten minutes for the sweep', () => {
    const silence = ofType('AWS::CloudWatch::Alarm').flatMap(({ Properties: alarm }) => {
      const metrics = (alarm['Metrics'] ?? []) as any[];
      if (metrics.length === 0) return [];
      const [math, ...counted] = metrics;
      expect(math.Expression).toBe('FILL(invocations, 0) - FILL(errors, 0)');
      const counts = counted.map(({ Id, MetricStat: { Metric, Period, Stat } }) => {
        expect({ Period, Stat, Namespace: Metric.Namespace }).toEqual({
          Period: 60,
          Stat: 'Sum',
          Namespace: 'AWS/Lambda',
        });
        return [Id, Metric.MetricName, Metric.Dimensions[0].Value.Ref];
      });
      const of = counts[0]![2];
      expect(counts).toEqual([
        ['invocations', 'Invocations', of],
        ['errors', 'Errors', of],
      ]);
      expect(alarm).toMatchObject({ Threshold: 1, ComparisonOperator: 'LessThanThreshold' });
      // A function that does not run has no data.
      expect(alarm['TreatMissingData']).toBe('breaching');
      return [[of, alarm['EvaluationPeriods'], alarm['DatapointsToAlarm'] ?? alarm['EvaluationPeriods']]];
    });
    expect(silence.map(([of]) => of).sort()).toEqual(schedules().map(idOf).sort());
    const sweep = Object.keys(resources).find(id => resources[id] === functionOf('Sweep'));
    expect(silence.find(([of]) => of === sweep)).toEqual([sweep, 10, 10]);
  });
});

describe('the bus', () => {
  test('lets whoever has the right to put facts on it speak as us, and nobody else', () => {
    const roles = Object.entries(resources).filter(
      ([, { Type, Properties }]) =>
        Type === 'AWS::IAM::Role' &&
        statementsIn(Properties).some(({ Action }) => listed(Action).includes('events:PutEvents')),
    );
    const [bus] = ofType('AWS::Events::EventBus');
    const statements = bus!.Properties['Policy'].Statement as any[];
    const denying = statements.filter(({ Effect }) => Effect === 'Deny');
    expect(denying).toHaveLength(2);
    for (const { Condition } of denying) {
      const ours = Condition.ArnNotEquals['aws:PrincipalArn'].map((arn: any) => arn['Fn::GetAtt'][0]);
      expect(ours.sort()).toEqual(roles.map(([id]) => id).sort());
    }
  });
});

describe('pages', () => {
  const idOf = (type: string) => Object.keys(resources).filter(id => resources[id]!.Type === type);
  const runbook = read('docs/runbook.md');

  test('every end of an execution that a person has to see goes from each state machine to the topic', () => {
    const [topic] = idOf('AWS::SNS::Topic');
    const rules = ofType('AWS::Events::Rule').filter(
      ({ Properties }) => Properties['Targets'][0].Arn.Ref === topic && Properties['EventBusName'] === undefined,
    );
    expect(rules.map(({ Properties }) => Properties['EventPattern'])).toEqual([
      {
        source: ['aws.states'],
        'detail-type': ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: expect.any(Array), ...pagedEnds },
      },
    ]);
    const { stateMachineArn } = rules[0]!.Properties['EventPattern'].detail;
    expect(stateMachineArn.map(({ Ref }: any) => Ref).sort()).toEqual(idOf('AWS::StepFunctions::StateMachine').sort());
  });

  test('of the facts on our bus those that nothing of ours mends, in names and numbers, each with a heading', () => {
    const [topic] = idOf('AWS::SNS::Topic');
    const rules = ofType('AWS::Events::Rule').filter(
      ({ Properties }) => Properties['Targets'][0].Arn.Ref === topic && Properties['EventBusName'] !== undefined,
    );
    const paged = rules.map(({ Properties: { EventBusName, EventPattern, Targets } }) => {
      expect(resources[EventBusName.Ref]!.Type).toBe('AWS::Events::EventBus');
      expect(EventPattern.source).toEqual(['sealpost']);
      const [fact] = EventPattern['detail-type'] as (keyof typeof eventsOut)[];
      expect(runbook).toContain(`\n## ${fact}\n`);
      const shown = Object.values(Targets[0].InputTransformer.InputPathsMap).map(path =>
        String(path).replace('$.detail.', ''),
      );
      const { shape } = eventsOut[fact!] as unknown as { shape: object };
      expect(Object.keys(shape)).toEqual(expect.arrayContaining(shown));
      expect(shown).not.toContain('message');
      return fact;
    });
    expect(paged.sort()).toEqual([
      ...[
        'Issuer In Trouble',
        'Provided Certificate Approaching Expiration',
        'Served Certificate Approaching Expiration',
        'Server Unreachable',
      ],
    ]);
    const pages = compileEventPattern(
      rules.find(({ Properties: { EventPattern } }) => EventPattern['detail-type'][0] === 'Issuer In Trouble')!
        .Properties['EventPattern'].detail,
    );
    expect(pages({ reason: 'AcmeUnavailable', failures: 2 })).toBe(false);
    expect(pages({ reason: 'AcmeUnavailable', failures: 3 })).toBe(true);
    expect(pages({ reason: 'IssuerUnusable', failures: 1 })).toBe(true);
  });

  test('they page nobody for just those errors of which the sender is told', () => {
    const pages = compileEventPattern(pagedEnds);
    const quiet = Object.keys(remedies).filter(error => !pages({ status: 'FAILED', error, cause: 'domain: no dot' }));
    expect(quiet).toEqual(
      Object.entries(remedies).flatMap(([error, does]) => (does === 'tell the sender' ? [error] : [])),
    );
  });

  test('every queue has an alarm that goes there, and what a function counts; the runbook has the heading that each names', () => {
    const alarms = ofType('AWS::CloudWatch::Alarm').map(({ Properties }) => Properties as any);
    const [ofOurs, ofQueues] = ['sealpost', 'AWS/SQS'].map(of => alarms.filter(({ Namespace }) => Namespace === of));
    const outcome = ofOurs![0].Dimensions.find(({ Name }: { Name: string }) => Name === 'outcome').Value;
    expect(read('core/secure-domain/park-domain.ts')).toContain(`'${ofOurs![0].MetricName}', { outcome: '${outcome}'`);
    const watched = ofQueues!.map(({ Dimensions }) => Dimensions[0].Value['Fn::GetAtt'][0]);
    expect(watched.sort()).toEqual(idOf('AWS::SQS::Queue').sort());
    for (const { AlarmActions, AlarmDescription } of alarms) {
      expect(AlarmActions).toEqual([{ Ref: idOf('AWS::SNS::Topic')[0] }]);
      expect(runbook).toContain(`\n## ${/"(.+)"/.exec(AlarmDescription)![1]}\n`);
    }
  });
});

/** The minifier renames `setting` of lambdas/environment.ts; its message finds it again. */
function settingsReadBy(bundle: string): string[] {
  const [, setting] = /function ([\w$]+)\(([\w$]+)\)\{let [\w$]+=process\.env\[\2\];if\(/.exec(bundle)!;
  const calls = bundle.matchAll(new RegExp(`(?<![\\w$])${setting!.replaceAll('$', '\\$')}\\("([A-Z_]+)"\\)`, 'g'));
  return [...new Set([...calls].map(([, name]) => name!))].sort();
}

const listed = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter(one => typeof one === 'string');
const hasWildcard = (action: string) => action.includes('*');

/** Policy statements, wherever in a resource they stand. */
function statementsIn(value: unknown): any[] {
  if (value === null || typeof value !== 'object') return [];
  const own = 'Effect' in value && ('Action' in value || 'NotAction' in value) ? [value] : [];
  return [...own, ...Object.values(value).flatMap(statementsIn)];
}

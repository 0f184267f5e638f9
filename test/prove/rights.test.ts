/** The policy that prove asks for has what prove calls, and no more. */
import { describe, expect, test } from 'vitest';
import { policy, rights } from '../../prove/rights.ts';
import { read, under } from '../house/sources.ts';

/** Files of aws/ that prove uses: two whole, and of the table its reads. */
const ASKED = ['aws/deployed.ts', 'aws/renewals.ts'];
const READS = ['GetItem'];
/** The bus's policy gives the first one, AWS gives the second one to everybody. */
const WITHOUT = ['PutEvents', 'GetCallerIdentity'];

const called = [...under('prove'), ...ASKED].flatMap(file =>
  [...read(file).matchAll(/import\s*\{([^}]*)\}\s*from '@aws-sdk\/client-[\w-]+'/g)].flatMap(([, names]) =>
    [...names!.matchAll(/(?:\b([A-Z]\w+)Command|paginate(\w+))\b/g)].map(
      ([, command, paginated]) => command ?? paginated!,
    ),
  ),
);
const actionOf = (operation: string) => (operation === 'Invoke' ? 'InvokeFunction' : operation);

describe('the rights of prove', () => {
  test('are those of its calls', () => {
    const needed = [...called, ...READS].filter(operation => !WITHOUT.includes(operation)).map(actionOf);
    const given = rights.flatMap(({ actions }) => actions.map(action => action.split(':')[1]!));
    expect([...new Set(given)].sort()).toEqual([...new Set(needed)].sort());
  });

  test('name a resource, unless IAM has none for the action', () => {
    const everywhere = rights.filter(({ on }) => on(OWNER).includes('*')).flatMap(({ actions }) => actions);
    expect(everywhere.sort()).toEqual([
      'lambda:GetAccountSettings',
      'route53:ListHostedZonesByName',
      'ssm:DescribeInstanceInformation',
      'ssm:GetCommandInvocation',
      'ssm:ListCommandInvocations',
      'ssm:ListCommands',
      'states:SendTaskSuccess',
    ]);
  });

  test('fit into one inline policy of a role, which has 10,240 characters at most', () => {
    const shown = policy({ stack: 's'.repeat(37), region: 'ap-southeast-1', zone: `${'z'.repeat(60)}.example` });
    expect(JSON.stringify(shown).length).toBeLessThan(10_240);
  });
});

const OWNER = { partition: 'aws', region: 'eu-west-1', account: '000000000000', stack: 'sealpost', zone: 'a.example' };

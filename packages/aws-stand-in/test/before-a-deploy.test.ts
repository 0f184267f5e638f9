/** What a careful program asks before it changes anything: its rights, and the quotas. */
import { IAMClient, paginateSimulatePrincipalPolicy, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateHostedZoneCommand,
  GetHostedZoneLimitCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allow, startAccount, type Account } from '../src/testing.ts';

let account: Account;
let iam: IAMClient;
let role: string;

beforeAll(async () => {
  account = await startAccount(['lambda', 'logs', 'route53']);
  const tag = { StringEquals: { 'ssm:resourceTag/kind': 'mail' } };
  iam = account.client(IAMClient, [
    allow(['iam:SimulatePrincipalPolicy', 's3:Get*'], '*'),
    allow('ssm:SendCommand', 'arn:aws:ssm:*:*:managed-instance/*', tag),
    { Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::secret/*' },
  ]);
  role = (await account.caller(iam)).roleArn!;
});
afterAll(() => account.stop());

const simulated = async (asked: Partial<SimulatePrincipalPolicyCommand['input']> & { ActionNames: string[] }) => {
  const answer = await iam.send(new SimulatePrincipalPolicyCommand({ PolicySourceArn: role, ...asked }));
  return answer.EvaluationResults!.map(({ EvalActionName, EvalResourceName, EvalDecision }) =>
    [EvalActionName, EvalResourceName, EvalDecision].join(' '),
  );
};

describe('SimulatePrincipalPolicy', () => {
  test('decides each action on each resource by the policies of the role', async () => {
    const [open, secret] = ['arn:aws:s3:::open/a', 'arn:aws:s3:::secret/a'];
    const asked = { ActionNames: ['s3:GetObject', 's3:PutObject'], ResourceArns: [open, secret] };
    expect(await simulated(asked)).toEqual([
      `s3:GetObject ${open} allowed`,
      `s3:GetObject ${secret} explicitDeny`,
      `s3:PutObject ${open} implicitDeny`,
      `s3:PutObject ${secret} implicitDeny`,
    ]);
  });

  test('reads conditions from the context that is given', async () => {
    const ResourceArns = ['arn:aws:ssm:eu-west-1:000000000000:managed-instance/mi-0'];
    const entry = { ContextKeyName: 'ssm:resourceTag/kind', ContextKeyType: 'string' as const };
    const asked = { ActionNames: ['ssm:SendCommand'], ResourceArns };
    const decisionFor = async (value: string) =>
      (await simulated({ ...asked, ContextEntries: [{ ...entry, ContextKeyValues: [value] }] }))[0]!.split(' ')[2];
    expect(await decisionFor('mail')).toBe('allowed');
    expect(await decisionFor('web')).toBe('implicitDeny');
    expect((await simulated(asked))[0]).toMatch(/implicitDeny$/);
  });

  test('answers in pages', async () => {
    const ResourceArns = Array.from({ length: 5 }, (_, i) => `arn:aws:s3:::open/${i}`);
    const asked = { PolicySourceArn: role, ActionNames: ['s3:GetObject'], ResourceArns };
    const pages: number[] = [];
    for await (const page of paginateSimulatePrincipalPolicy({ client: iam, pageSize: 2 }, asked))
      pages.push(page.EvaluationResults!.length);
    expect(pages).toEqual([2, 2, 1]);
  });

  test.each([
    ['a role that is not there', { PolicySourceArn: 'arn:aws:iam::000000000000:role/nobody' }, 'NoSuchEntityException'],
    ['a session in place of its role', { PolicySourceArn: 'arn:aws:sts::0:assumed-role/a/b' }, 'InvalidInputException'],
    ['an action without a service', { ActionNames: ['GetObject'] }, 'InvalidInputException'],
    ['an action with a wildcard', { ActionNames: ['s3:*'] }, 'InvalidInputException'],
  ])('refuses %s', async (_, asked, name) => {
    await expect(simulated({ ActionNames: ['s3:GetObject'], ...asked })).rejects.toMatchObject({ name });
  });

  test('needs its own right', async () => {
    const other = account.client(IAMClient, []);
    const asked = new SimulatePrincipalPolicyCommand({ PolicySourceArn: role, ActionNames: ['s3:GetObject'] });
    await expect(other.send(asked)).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('quotas are told, and not kept', () => {
  test('the records of a hosted zone', async () => {
    const zones = account.client(Route53Client);
    const { HostedZone } = await zones.send(new CreateHostedZoneCommand({ Name: 'a.test', CallerReference: 'a' }));
    const HostedZoneId = HostedZone!.Id!.replace('/hostedzone/', '');
    const { Count, Limit } = await zones.send(
      new GetHostedZoneLimitCommand({ HostedZoneId, Type: 'MAX_RRSETS_BY_ZONE' }),
    );
    const { ResourceRecordSets } = await zones.send(new ListResourceRecordSetsCommand({ HostedZoneId }));
    expect({ Count, Limit }).toEqual({
      Count: ResourceRecordSets!.length,
      Limit: { Type: 'MAX_RRSETS_BY_ZONE', Value: 10_000 },
    });
    const vpcs = new GetHostedZoneLimitCommand({ HostedZoneId, Type: 'MAX_VPCS_ASSOCIATED_BY_ZONE' });
    await expect(zones.send(vpcs)).rejects.toMatchObject({ name: 'HostedZoneNotPrivate' });
  });

  test('the functions that run at once', async () => {
    const { AccountLimit, AccountUsage } = await account.client(LambdaClient).send(new GetAccountSettingsCommand({}));
    expect(AccountLimit).toMatchObject({ ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 1_000 });
    expect(AccountUsage).toEqual({ FunctionCount: 0 });
  });
});

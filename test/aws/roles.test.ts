import { IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { roles } from '../../aws/roles.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { memoryRoles } from '../twins/roles.ts';
import type { Roles } from '../../core/ports/roles.ts';

let provider: Account;
const ids: Record<string, string> = {};
const services = ['ec2.amazonaws.com', 'ssm.amazonaws.com'];
const account = 'arn:aws:iam::111111111111:root';
const allow = (Principal: unknown) => ({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' });
/** Name → statements of the trust policy → who may assume the role. */
const cases: [string, string, object | object[], string[]][] = [
  ['a mail server role', 'mail-server', [allow({ Service: services })], services],
  ['one statement without a list', 'one', allow({ Service: services[0] }), [services[0]!]],
  [
    'another account beside the service',
    'two',
    [allow({ Service: services[0], AWS: account })],
    [services[0]!, account],
  ],
  ['any principal', 'open', [allow('*')], ['*']],
  [
    'a denial beside the service',
    'denied',
    [allow({ Service: services[1] }), { ...allow('*'), Effect: 'Deny' }],
    [services[1]!],
  ],
];

beforeAll(async () => {
  provider = await startAccount([]);
  for (const [, name, Statement] of cases)
    ids[name] = provider.cloud.iam.putRole(name, { Version: '2012-10-17', Statement }, []).roleId;
});
afterAll(() => provider.stop());

describeRoles('IAM', () => roles(provider.client(IAMClient)));
describeRoles('its twin', () =>
  memoryRoles(Object.fromEntries(cases.map(([, name, , trusted]) => [name, { roleId: ids[name]!, trusted }]))),
);

function describeRoles(name: string, make: () => Roles): void {
  describe(`a role, in ${name}`, () => {
    test.each(cases)('with %s lists the principals that may assume it', async (_, role, __, trusted) => {
      expect(await make().role(role)).toEqual({ roleId: ids[role], trusted });
    });

    test('that does not exist is undefined', async () => {
      expect(await make().role('absent')).toBeUndefined();
    });
  });
}

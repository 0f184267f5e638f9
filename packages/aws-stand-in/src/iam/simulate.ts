/** SimulatePrincipalPolicy: what a role's own policies say of calls that nobody makes. */
import type { SimulatePrincipalPolicyRequest } from '@aws-sdk/client-iam';
import { AwsError, type Call } from '../service/service.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import type { LocalIam } from './local-iam.ts';
import { contextOf } from './policy.ts';

/** Results in a page (API reference, MaxItems). */
const PAGE = 100;

export function simulate(iam: LocalIam, account: string, input: SimulatePrincipalPolicyRequest, call: Call) {
  const { PolicySourceArn = '', ActionNames = [], ResourceArns = ['*'], ContextEntries = [] } = input;
  if (!/^arn:aws:iam::\d+:(role|user|group)\//.test(PolicySourceArn))
    throw new AwsError('InvalidInputException', `Invalid Entity Arn: ${PolicySourceArn}`);
  call.authorize('iam:SimulatePrincipalPolicy', PolicySourceArn);
  refuseOthers('iam:SimulatePrincipalPolicy', input, [
    ...['PolicySourceArn', 'ActionNames', 'ResourceArns', 'ContextEntries', 'Marker', 'MaxItems'],
  ]);
  if (!PolicySourceArn.includes(':role/')) refuse('iam:SimulatePrincipalPolicy of users and groups');
  const unknown = ActionNames.find(action => !/^[a-z0-9-]+:\w+$/i.test(action));
  if (unknown !== undefined) throw new AwsError('InvalidInputException', `Invalid Action: ${unknown}`);
  const { arn, roleId } = iam.role(PolicySourceArn);
  const caller = { arn, account, userId: `${roleId}:simulated`, roleArn: arn };
  const given = ContextEntries.map(({ ContextKeyName, ContextKeyType, ContextKeyValues = [] }) => [
    ContextKeyName!,
    ContextKeyType?.endsWith('List') ? ContextKeyValues : ContextKeyValues[0],
  ]);
  const context = contextOf({ 'aws:PrincipalArn': arn, 'aws:PrincipalAccount': account }, Object.fromEntries(given));
  const results = ActionNames.flatMap(action =>
    ResourceArns.map(resource => {
      const said = iam.policiesOf(arn).map(policy => policy.decide({ caller, action, resource, context }));
      const decision = said.includes('deny') ? 'explicitDeny' : said.includes('allow') ? 'allowed' : 'implicitDeny';
      return {
        ...{ EvalActionName: action, EvalResourceName: resource, EvalDecision: decision },
        ...{ MatchedStatements: [], MissingContextValues: [] },
      };
    }),
  );
  const begin = Number(input.Marker ?? 0);
  const end = begin + (input.MaxItems ?? PAGE);
  const isTruncated = end < results.length;
  return {
    EvaluationResults: results.slice(begin, end),
    IsTruncated: isTruncated,
    Marker: isTruncated ? String(end) : undefined,
  };
}

/** The decision on one call, from the caller's policies and the policy of the resource. */
import { AwsError, type Caller, type Cloud, type ConditionContext } from '../service/service.ts';
import type { Policy, Question } from './policy.ts';

export function globalContext(caller: Caller, { account, region, now }: Pick<Cloud, 'account' | 'region' | 'now'>) {
  const isService = caller.service !== undefined;
  const context: ConditionContext = {
    'aws:userid': caller.userId,
    'aws:PrincipalType': isService ? 'Service' : caller.roleArn ? 'AssumedRole' : 'Account',
    'aws:PrincipalIsAWSService': String(isService),
    ...(isService
      ? { 'aws:PrincipalServiceName': caller.service! }
      : { 'aws:PrincipalArn': caller.roleArn ?? caller.arn, 'aws:PrincipalAccount': caller.account }),
    ...(caller.sourceArn && { 'aws:SourceArn': caller.sourceArn, 'aws:SourceAccount': account }),
    'aws:RequestedRegion': region,
    // Callers of AWS speak TLS. Loopback replaces it here.
    'aws:SecureTransport': 'true',
    'aws:CurrentTime': new Date(now()).toISOString(),
  };
  return context;
}

/**
 * @param identity the policies of the caller's role
 * @param attached the policy of the resource
 * @throws AwsError AccessDenied; its message names caller, action, resource, missing statement
 */
export function decide({
  question,
  identity,
  attached,
}: {
  question: Question;
  identity: Policy[];
  attached: Policy | undefined;
}): void {
  const { caller, action, resource } = question;
  const own = identity.map(policy => policy.decide(question));
  const byResource = attached?.decide(question) ?? 'silent';
  if (own.includes('deny')) throw denied(question, 'with an explicit deny in an identity-based policy');
  if (byResource === 'deny') throw denied(question, 'with an explicit deny in a resource-based policy');
  if (byResource === 'allow') return;
  const isRoot = caller.roleArn === undefined && caller.service === undefined;
  const byIdentity = isRoot || own.includes('allow');
  // A KMS key is the only resource whose own policy must allow the call or delegate the decision to
  // the account.
  const needsResource =
    caller.service !== undefined || (/^arn:aws:kms:[^:]*:[^:]*:key\//.test(resource) && attached !== undefined);
  if (byIdentity && (!needsResource || byResource === 'delegate')) return;
  const kind = byIdentity || caller.service !== undefined ? 'resource-based' : 'identity-based';
  throw denied(question, `because no ${kind} policy allows the ${action} action`, {
    Effect: 'Allow',
    ...(kind === 'resource-based' && {
      Principal: caller.service ? { Service: caller.service } : { AWS: caller.roleArn ?? caller.arn },
    }),
    Action: action,
    Resource: resource,
  });
}

export function denied(
  { caller, action, resource }: Pick<Question, 'caller' | 'action' | 'resource'>,
  why: string,
  missing?: object,
): AwsError {
  const hint = missing ? ` Missing statement: ${JSON.stringify(missing)}` : '';
  const message = `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resource} ${why}${hint}`;
  return new AwsError('AccessDenied', message, { status: 403 });
}

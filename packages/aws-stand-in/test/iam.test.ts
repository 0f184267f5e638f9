import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { iamService } from '../src/iam/iam.ts';
import { LocalIam } from '../src/iam/local-iam.ts';
import { matches, Policy } from '../src/iam/policy.ts';
import { noFaults, type Caller, type ConditionContext } from '../src/service/service.ts';

const account = '000000000000';
const document = (...statements: object[]) => ({ Version: '2012-10-17', Statement: statements });
const allow = (Action: string | string[], Resource: string | string[] = '*', more = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const deny = (Action: string, Resource = '*', more = {}) => ({ Effect: 'Deny', Action, Resource, ...more });
const trusts = (service: string, more = {}) =>
  document({ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole', ...more });

let iam: LocalIam;
beforeEach(() => {
  const database = new DatabaseSync(':memory:');
  iam = new LocalIam({ region: 'us-east-1', account, now: () => 0, database, faults: noFaults });
});

/** A session of a role that has these policies. */
function session(policies: object[], name = 'mail', sessionName = 'i-0abc'): Caller {
  const { arn } = iam.putRole(name, trusts('ec2.amazonaws.com'), policies);
  return iam.caller(iam.credentials(arn, sessionName).accessKeyId)!.caller;
}

function may(caller: Caller, action: string, resource: string, context?: ConditionContext): boolean {
  try {
    iam.authorize(caller, action, resource, context);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'AccessDenied', status: 403 });
    return false;
  }
}

const bucket = 'arn:aws:s3:::deliveries';
const key = `arn:aws:kms:us-east-1:${account}:key/1`;
const bus = `arn:aws:events:us-east-1:${account}:event-bus/sealpost`;

describe('the rights of a role', () => {
  test('are none without a statement, and the denial names the missing statement', () => {
    const caller = session([]);
    expect(() => iam.authorize(caller, 's3:GetObject', `${bucket}/a`)).toThrow(
      `User: arn:aws:sts::${account}:assumed-role/mail/i-0abc is not authorized to perform: s3:GetObject on resource: ${bucket}/a ` +
        `because no identity-based policy allows the s3:GetObject action Missing statement: {"Effect":"Allow","Action":"s3:GetObject","Resource":"${bucket}/a"}`,
    );
  });

  test('let a mail server read below its own role id and node id, and nothing else', () => {
    const caller = session([document(allow('s3:GetObject', `${bucket}/deliveries/\${aws:userid}/*`))]);
    expect(may(caller, 's3:GetObject', `${bucket}/deliveries/${caller.userId}/abc`)).toBe(true);
    expect(may(caller, 's3:GetObject', `${bucket}/deliveries/${caller.userId}x/abc`)).toBe(false);
    expect(may(caller, 's3:GetObject', `${bucket}/deliveries/AROAOTHER:i-0abc/abc`)).toBe(false);
    expect(may(caller, 's3:PutObject', `${bucket}/deliveries/${caller.userId}/abc`)).toBe(false);
  });

  test('do not reach another prefix by a wildcard in the session name', () => {
    const caller = session([document(allow('s3:GetObject', `${bucket}/\${aws:userid}/*`))], 'mail', '*');
    const other = session([], 'mail-2', 'i-1');
    expect(may(caller, 's3:GetObject', `${bucket}/${other.userId}/abc`)).toBe(false);
    expect(may(caller, 's3:GetObject', `${bucket}/${caller.userId}/abc`)).toBe(true);
  });

  test('never match a variable without a value; a variable with a default matches its default', () => {
    const caller = session([
      document(
        allow('s3:GetObject', [
          `${bucket}/\${aws:PrincipalTag/fleet}/*`,
          `${bucket}/\${aws:PrincipalTag/fleet, 'all'}/*`,
        ]),
      ),
    ]);
    expect(may(caller, 's3:GetObject', `${bucket}//x`)).toBe(false);
    expect(may(caller, 's3:GetObject', `${bucket}/all/x`)).toBe(true);
  });

  test('are removed by a Deny, in whatever policy the Deny and the Allow are', () => {
    const caller = session([document(allow('s3:*')), document(deny('s3:Delete*'))]);
    expect(may(caller, 's3:GetObject', `${bucket}/a`)).toBe(true);
    expect(may(caller, 's3:DeleteObject', `${bucket}/a`)).toBe(false);
    iam.setResourcePolicy(bucket, document(deny('s3:GetObject', `${bucket}/*`, { Principal: '*' })));
    expect(may(caller, 's3:GetObject', `${bucket}/a`)).toBe(false);
    expect(may(iam.root(), 's3:GetObject', `${bucket}/a`)).toBe(false);
    expect(may(iam.root(), 's3:PutObject', `${bucket}/a`)).toBe(true);
  });

  test('exclude the listed items of NotAction and NotResource', () => {
    const caller = session([document({ Effect: 'Allow', NotAction: 'iam:*', NotResource: 'arn:aws:s3:::secret/*' })]);
    expect(may(caller, 's3:GetObject', 'arn:aws:s3:::open/a')).toBe(true);
    expect(may(caller, 's3:GetObject', 'arn:aws:s3:::secret/a')).toBe(false);
    expect(may(caller, 'IAM:GetRole', 'arn:aws:iam::1:role/x')).toBe(false);
  });

  test('do not come from a policy that was detached', () => {
    const caller = session([document(allow('s3:GetObject'))]);
    expect(may(caller, 's3:GetObject', `${bucket}/a`)).toBe(true);
    session([]);
    expect(may(caller, 's3:GetObject', `${bucket}/a`)).toBe(false);
  });

  test('always include the question who the caller is', () => {
    expect(may(session([document(deny('*'))]), 'sts:GetCallerIdentity', '*')).toBe(true);
  });
});

describe('the policy of a resource', () => {
  test('of a bucket admits a role that it names, with all its sessions, and no other', () => {
    const [mail, other] = [session([]), session([], 'other')];
    iam.setResourcePolicy(bucket, document(allow('s3:GetObject', `${bucket}/*`, { Principal: { AWS: mail.roleArn } })));
    expect(may(mail, 's3:GetObject', `${bucket}/a`)).toBe(true);
    expect(may(other, 's3:GetObject', `${bucket}/a`)).toBe(false);
    iam.setResourcePolicy(bucket, undefined);
    expect(may(mail, 's3:GetObject', `${bucket}/a`)).toBe(false);
  });

  test('that names the account does not admit its roles: their own policies must allow the request, too', () => {
    iam.setResourcePolicy(
      bucket,
      document(allow('s3:GetObject', `${bucket}/*`, { Principal: { AWS: `arn:aws:iam::${account}:root` } })),
    );
    expect(may(session([]), 's3:GetObject', `${bucket}/a`)).toBe(false);
    expect(may(session([document(allow('s3:GetObject'))]), 's3:GetObject', `${bucket}/a`)).toBe(true);
  });

  test('of a key must allow each request, or leave the decision to the account', () => {
    const caller = session([document(allow('kms:Decrypt', key))]);
    const root = { AWS: `arn:aws:iam::${account}:root` };
    expect(may(caller, 'kms:Decrypt', key)).toBe(true);
    iam.setResourcePolicy(
      key,
      document(allow('kms:*', '*', { Principal: { AWS: 'arn:aws:iam::000000000000:role/none' } })),
    );
    expect(may(caller, 'kms:Decrypt', key)).toBe(false);
    iam.setResourcePolicy(key, document(allow('kms:*', '*', { Principal: root })));
    expect(may(caller, 'kms:Decrypt', key)).toBe(true);
    expect(may(session([], 'other'), 'kms:Decrypt', key)).toBe(false);
    iam.setResourcePolicy(key, document(allow('kms:Decrypt', '*', { Principal: { AWS: caller.roleArn } })));
    expect(may(session([]), 'kms:Decrypt', key)).toBe(true);
  });

  test('must admit a service, under its conditions', () => {
    const target = `arn:aws:lambda:us-east-1:${account}:function:f`;
    const events = iam.service('events.amazonaws.com');
    const rule = `arn:aws:events:us-east-1:${account}:rule/sealpost/r`;
    expect(may(events, 'lambda:InvokeFunction', target)).toBe(false);
    const statement = allow('lambda:InvokeFunction', target, {
      Principal: { Service: 'events.amazonaws.com' },
      Condition: { ArnLike: { 'AWS:SourceArn': rule } },
    });
    iam.setResourcePolicy(target, document(statement));
    expect(may(events, 'lambda:InvokeFunction', `${target}:1`, { 'aws:SourceArn': rule })).toBe(false);
    expect(may(events, 'lambda:InvokeFunction', target, { 'aws:SourceArn': rule })).toBe(true);
    expect(may(events, 'lambda:InvokeFunction', target, { 'aws:SourceArn': `${rule}2` })).toBe(false);
    expect(may(iam.service('s3.amazonaws.com'), 'lambda:InvokeFunction', target, { 'aws:SourceArn': rule })).toBe(
      false,
    );
  });

  test('of the bus admits only the senders that it names, and not even the owner of the account', () => {
    const sender = session([document(allow('events:PutEvents', bus))], 'sender');
    const stranger = session([document(allow('events:PutEvents'))], 'stranger');
    const others = deny('events:PutEvents', bus, {
      Principal: '*',
      Condition: { ArnNotEquals: { 'aws:PrincipalArn': [sender.roleArn] } },
    });
    iam.setResourcePolicy(bus, document(others));
    expect(may(sender, 'events:PutEvents', bus)).toBe(true);
    expect(may(stranger, 'events:PutEvents', bus)).toBe(false);
    expect(may(iam.root(), 'events:PutEvents', bus)).toBe(false);
  });

  test('that denies requests without TLS denies nothing here, because loopback stands for TLS', () => {
    const caller = session([document(allow('s3:GetObject'))]);
    iam.setResourcePolicy(
      bucket,
      document(
        deny('s3:*', `${bucket}/*`, { Principal: '*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      ),
    );
    expect(may(caller, 's3:GetObject', `${bucket}/a`)).toBe(true);
  });
});

describe('conditions', () => {
  const holds = (Condition: object, context: ConditionContext) =>
    may(session([document(allow('x:Y', '*', { Condition }))]), 'x:Y', '*', context);

  test.each<[object, ConditionContext, boolean]>([
    [{ StringEquals: { 'a:k': ['x', 'y'] } }, { 'A:K': 'y' }, true],
    [{ StringEquals: { 'a:k': 'x*' } }, { 'a:k': 'xx' }, false],
    [{ StringEquals: { 'a:k': '${aws:PrincipalAccount}' } }, { 'a:k': account }, true],
    [{ StringEquals: { 'a:k': 'x' } }, {}, false],
    [{ StringEqualsIfExists: { 'a:k': 'x' } }, {}, true],
    [{ StringEqualsIfExists: { 'a:k': 'x' } }, { 'a:k': 'z' }, false],
    [{ StringNotEquals: { 'a:k': ['x', 'y'] } }, { 'a:k': 'y' }, false],
    [{ StringNotEquals: { 'a:k': 'x' } }, {}, true],
    [{ StringEqualsIgnoreCase: { 'a:k': 'TxT' } }, { 'a:k': 'tXt' }, true],
    [{ StringLike: { 'a:k': '_acme-challenge.*.test' } }, { 'a:k': '_acme-challenge.a.b.test' }, true],
    [{ StringLike: { 'a:k': 'a?c' } }, { 'a:k': 'abbc' }, false],
    [{ StringNotLike: { 'a:k': 'a*' } }, { 'a:k': 'abc' }, false],
    [{ ArnLike: { 'a:k': 'arn:aws:s3:::b*/x' } }, { 'a:k': 'arn:aws:s3:::bucket/x' }, true],
    [{ ArnLike: { 'a:k': 'arn:*:x' } }, { 'a:k': 'arn:aws:s3:::x' }, false],
    [
      { StringLike: { 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::b/${aws:userid}/*' } },
      { 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::b/AROA:x/1' },
      false,
    ],
    [{ Bool: { 'a:k': 'true' } }, { 'a:k': 'TRUE' }, true],
    [{ Null: { 'a:k': 'true' } }, {}, true],
    [{ Null: { 'a:k': 'false' } }, {}, false],
    [{ NumericLessThanEquals: { 'a:k': '10' } }, { 'a:k': '9' }, true],
    [{ NumericGreaterThan: { 'a:k': '10' } }, { 'a:k': '9' }, false],
    [{ 'ForAllValues:StringEquals': { 'a:k': ['x', 'y'] } }, { 'a:k': ['x', 'z'] }, false],
    [{ 'ForAllValues:StringEquals': { 'a:k': ['x', 'y'] } }, { 'a:k': ['y', 'x'] }, true],
    [{ 'ForAllValues:StringEquals': { 'a:k': 'x' } }, {}, true],
    [{ 'ForAnyValue:StringLike': { 'a:k': 'x*' } }, { 'a:k': ['a', 'xx'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'a:k': 'x' } }, {}, false],
    // A key that may have several values needs a set operator, also if it has one now (IAM user
    // guide, "Multivalued context keys").
    [{ StringEquals: { 'a:k': 'x' } }, { 'a:k': ['x', 'x'] }, false],
    [{ StringEquals: { 'a:k': 'x' } }, { 'a:k': ['x'] }, false],
    [{ 'ForAnyValue:StringEquals': { 'a:k': 'x' } }, { 'a:k': ['x'] }, true],
    [{ StringNotEquals: { 'a:k': 'y' } }, { 'a:k': ['x', 'z'] }, false],
    [{ Null: { 'a:k': 'false' } }, { 'a:k': ['x', 'z'] }, true],
    [{ StringEquals: { 'a:k': 'x', 'a:l': 'y' } }, { 'a:k': 'x' }, false],
  ])('%j with %j is %s', (condition, context, expected) => {
    expect(holds(condition, context)).toBe(expected);
  });
});

describe('a policy that the stand-in does not implement is refused when it is attached', () => {
  test.each<[string, object, 'identity' | 'resource']>([
    ['operator', allow('s3:*', '*', { Condition: { DateLessThan: { 'aws:CurrentTime': 'x' } } }), 'identity'],
    ['operator', allow('s3:*', '*', { Condition: { IpAddress: { 'aws:SourceIp': 'x' } } }), 'identity'],
    ['NotPrincipal', deny('s3:*', '*', { NotPrincipal: '*' }), 'resource'],
    ['Federated', allow('s3:*', '*', { Principal: { Federated: 'x' } }), 'resource'],
    ['wildcard', allow('s3:*', '*', { Principal: { AWS: 'arn:aws:iam::1:role/*' } }), 'resource'],
    ['Principal is missing', allow('s3:*'), 'resource'],
    ['Principal has no place', allow('s3:*', '*', { Principal: '*' }), 'identity'],
    ['Resource is missing', { Effect: 'Allow', Action: 's3:*' }, 'identity'],
    ['not an action', allow('s3'), 'identity'],
    ['Effect', { Effect: 'allow', Action: 's3:*', Resource: '*' }, 'identity'],
  ])('%s in %j', (why, statement, kind) => {
    expect(() => new Policy(document(statement), kind)).toThrow(why);
  });

  test('on a role of the template with a property that changes its rights', () => {
    const role = iamService(iam, account).resources!['AWS::IAM::Role']!;
    const properties = { AssumeRolePolicyDocument: trusts('lambda.amazonaws.com'), PermissionsBoundary: 'arn:x' };
    expect(() => role({ logicalId: 'R', stackName: 's', properties, assetPath: String })).toThrow(
      'PermissionsBoundary',
    );
  });
});

describe('roles', () => {
  const make = (type: string, properties: object, logicalId = 'R') =>
    iamService(iam, account).resources![type]!({
      logicalId,
      stackName: 'sealpost',
      properties,
      assetPath: String,
    }) as any;

  test('a service can use a role only if the role trusts it', () => {
    const { arn } = iam.putRole(
      'f',
      trusts('lambda.amazonaws.com', { Condition: { StringEquals: { 'aws:SourceAccount': account } } }),
      [],
    );
    expect(iam.assume(arn, { service: 'lambda.amazonaws.com', session: 's' })).toMatchObject({
      arn: `arn:aws:sts::${account}:assumed-role/f/s`,
      roleArn: arn,
    });
    expect(() => iam.assume(arn, { service: 'states.amazonaws.com', session: 's' })).toThrow('sts:AssumeRole');
    expect(() => iam.assume(`${arn}x`, { service: 'lambda.amazonaws.com', session: 's' })).toThrow('cannot be found');
  });

  test('of the template have inline, attached and managed policies, and keep their ids in an update', () => {
    const role = { AssumeRolePolicyDocument: trusts('lambda.amazonaws.com') };
    const first = make('AWS::IAM::Role', role);
    expect(first.ref).toBe('sealpost-R');
    const managed = make('AWS::IAM::ManagedPolicy', { PolicyDocument: document(allow('c:C')) }, 'M');
    const again = make('AWS::IAM::Role', {
      ...role,
      Policies: [{ PolicyName: 'p', PolicyDocument: document(allow('a:A')) }],
      ManagedPolicyArns: [managed.ref, 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
    });
    make('AWS::IAM::Policy', { PolicyName: 'q', PolicyDocument: document(allow('b:B')), Roles: [first.ref] });
    expect(again).toEqual(first);
    const caller = iam.assume(first.attributes.Arn, { service: 'lambda.amazonaws.com', session: 's' });
    for (const action of ['a:A', 'b:B', 'c:C', 'logs:PutLogEvents']) expect(may(caller, action, '*')).toBe(true);
    expect(may(caller, 'd:D', '*')).toBe(false);
    expect(() =>
      make('AWS::IAM::Role', { ...role, ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }),
    ).toThrow('AdministratorAccess');
  });
});

test('a pattern has wildcards, and every other character matches itself', () => {
  expect(matches('a.c', 'abc')).toBe(false);
  expect(matches('a*c', 'a\nbc')).toBe(true);
  expect(matches('[a](b)+$', '[a](b)+$')).toBe(true);
  expect(matches('${*}', '*', new Map())).toBe(true);
  expect(matches('${*}', 'x', new Map())).toBe(false);
});

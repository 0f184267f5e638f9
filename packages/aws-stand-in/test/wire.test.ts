import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as acm from '@aws-sdk/client-acm';
import * as logs from '@aws-sdk/client-cloudwatch-logs';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as events from '@aws-sdk/client-eventbridge';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as lambda from '@aws-sdk/client-lambda';
import * as route53 from '@aws-sdk/client-route-53';
import * as s3 from '@aws-sdk/client-s3';
import * as scheduler from '@aws-sdk/client-scheduler';
import * as sfn from '@aws-sdk/client-sfn';
import * as sqs from '@aws-sdk/client-sqs';
import * as ssm from '@aws-sdk/client-ssm';
import * as sts from '@aws-sdk/client-sts';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCloud, type RunningCloud } from '../src/cloud.ts';
import { AwsError, type Operation, type ServiceFactory } from '../src/service/service.ts';

// A service with a few operations on each real protocol: these tests check the wire between the
// service and the real client.
const seen: any[] = [];
const operation =
  (answer: unknown): Operation =>
  (input, call) => {
    call.authorize('test:Call', '*');
    seen.push(input);
    if (answer instanceof Error) throw answer;
    return answer;
  };
const service =
  (name: string, model: Record<string, any>, client: string, operations: Record<string, Operation>): ServiceFactory =>
  () => ({ name, model, client, operations });

const when = new Date('2026-11-24T10:00:00Z');
const bytes = new Uint8Array([0, 1, 2, 250, 255]);
const missing = (code: string, status = 400, fields = {}) => new AwsError(code, 'is not there', { status, fields });

const services: ServiceFactory[] = [
  service('dynamodb', dynamodb, 'DynamoDBClient', {
    GetItem: operation({
      Item: { k: { S: 'é' }, b: { B: bytes }, n: { N: '12345678901234567890' }, l: { L: [{ NULL: true }] } },
    }),
    PutItem: operation(missing('ConditionalCheckFailedException', 400, { Item: { owner: { S: 'other' } } })),
    UpdateItem: operation(missing('NoSuchKey')),
    TransactWriteItems: operation(
      missing('TransactionCanceledException', 400, {
        CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: { v: { N: '3' } } }],
      }),
    ),
    DeleteItem: () => ({}),
    Query: () => {
      throw new Error('a fault of ours');
    },
  }),
  service('s3', s3, 'S3Client', {
    PutObject: operation({ ETag: '"abc"', VersionId: 'v1' }),
    GetObject: operation({ Body: bytes, ContentLength: 5, LastModified: when, Metadata: { seq: '7' }, ETag: '"abc"' }),
    HeadObject: operation(missing('NotFound', 404)),
    ListObjectsV2: operation({ Name: 'b', KeyCount: 1, Contents: [{ Key: 'a&<b> ü', Size: 5, LastModified: when }] }),
    ListObjectVersions: operation({ Versions: [{ Key: 'k', VersionId: 'v1', IsLatest: true }] }),
    DeleteObjects: operation({ Deleted: [{ Key: 'a' }] }),
    CopyObject: operation({ CopyObjectResult: { ETag: '"c"' } }),
    CreateBucket: operation({ Location: '/b' }),
    ListBuckets: operation({ Buckets: [{ Name: 'b', CreationDate: when }] }),
  }),
  service('states', sfn, 'SFNClient', {
    StartExecution: operation({ executionArn: 'arn:x', startDate: when }),
    SendTaskSuccess: operation(missing('TaskTimedOut')),
  }),
  service('ssm', ssm, 'SSMClient', {
    GetParameter: operation({ Parameter: { Name: '/a', Value: 'x', LastModifiedDate: when, Version: 3 } }),
    PutParameter: operation(missing('ParameterAlreadyExists')),
  }),
  service('route53', route53, 'Route53Client', {
    ChangeResourceRecordSets: (input, call) =>
      operation(
        input.HostedZoneId === 'Z2'
          ? missing('InvalidChangeBatch', 400, { messages: ['one', 'two'] })
          : { ChangeInfo: { Id: '/change/C1', Status: 'PENDING', SubmittedAt: when } },
      )(input, call),
    GetChange: operation(missing('NoSuchChange', 404)),
    ListHostedZonesByName: operation({
      HostedZones: [{ Id: '/hostedzone/Z1', Name: 'a.test.', CallerReference: 'r' }],
      IsTruncated: false,
      MaxItems: 100,
    }),
  }),
  service('events', events, 'EventBridgeClient', {
    PutEvents: operation({ FailedEntryCount: 0, Entries: [{ EventId: 'e1' }] }),
  }),
  service('sqs', sqs, 'SQSClient', {
    ReceiveMessage: operation({
      Messages: [{ MessageId: 'm', Body: '<a>', Attributes: { SentTimestamp: '1' }, MD5OfBody: 'x' }],
    }),
    SendMessage: operation(missing('QueueDoesNotExist')),
    GetQueueAttributes: operation({ Attributes: { ApproximateNumberOfMessages: '2' } }),
  }),
  service('kms', kms, 'KMSClient', { Decrypt: operation({ Plaintext: bytes, KeyId: 'k' }) }),
  service('acm', acm, 'ACMClient', {
    DescribeCertificate: operation({ Certificate: { NotAfter: when, InUseBy: [] } }),
  }),
  service('lambda', lambda, 'LambdaClient', {
    Invoke: operation({ StatusCode: 202, FunctionError: 'Unhandled', Payload: Buffer.from('{"a":1}') }),
    GetFunction: operation(missing('ResourceNotFoundException', 404, { Type: 'User' })),
  }),
  service('logs', logs, 'CloudWatchLogsClient', {
    FilterLogEvents: operation({ events: [{ message: 'm', timestamp: 1764000000000 }] }),
  }),
  service('scheduler', scheduler, 'SchedulerClient', {
    CreateSchedule: operation({ ScheduleArn: 'arn:s' }),
    GetSchedule: operation({ Name: 's', StartDate: when, Target: { Arn: 'a', RoleArn: 'r' } }),
  }),
];

let directory: string;
let cloud: RunningCloud;
let settings: any;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealpost-wire-'));
  cloud = await startCloud({ directory, services });
  settings = {
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: cloud.iam.rootCredentials(),
    forcePathStyle: true,
    maxAttempts: 1,
  };
});
afterAll(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true });
});

const last = () => seen.at(-1);
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it succeeded'),
    error => error,
  );

test('DynamoDB items, with bytes and long numbers, arrive as they were sent', async () => {
  const client = new dynamodb.DynamoDBClient(settings);
  const key = { pk: { S: 'a' }, sk: { B: bytes } };
  const answer = await client.send(new dynamodb.GetItemCommand({ TableName: 't', Key: key, ConsistentRead: true }));
  expect(answer.Item).toEqual({
    k: { S: 'é' },
    b: { B: bytes },
    n: { N: '12345678901234567890' },
    l: { L: [{ NULL: true }] },
  });
  expect(last()).toEqual({ TableName: 't', Key: key, ConsistentRead: true });
});

test('a failed condition arrives with the item that won, and a cancelled transaction with its reasons', async () => {
  const client = new dynamodb.DynamoDBClient(settings);
  const lost = await failure(client.send(new dynamodb.PutItemCommand({ TableName: 't', Item: {} })));
  expect(lost).toBeInstanceOf(dynamodb.ConditionalCheckFailedException);
  expect(lost).toMatchObject({ message: 'is not there', Item: { owner: { S: 'other' } } });
  const cancelled = await failure(client.send(new dynamodb.TransactWriteItemsCommand({ TransactItems: [{}] })));
  expect(cancelled).toBeInstanceOf(dynamodb.TransactionCanceledException);
  expect(cancelled.CancellationReasons).toEqual([
    { Code: 'None' },
    { Code: 'ConditionalCheckFailed', Item: { v: { N: '3' } } },
  ]);
});

test('a required member that is absent is named, inside lists too', async () => {
  const client = new dynamodb.DynamoDBClient(settings);
  const top = await failure(client.send(new dynamodb.GetItemCommand({ TableName: 't' } as any)));
  expect(top).toMatchObject({ name: 'ValidationException', message: expect.stringContaining("'Key'") });
  const inner = await failure(
    client.send(new dynamodb.TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName: 't' } as any }] })),
  );
  expect(inner.message).toContain("'TransactItems.1.member.Put.Item'");
});

test('an operation that is not implemented is refused by service and operation with 501', async () => {
  const client = new dynamodb.DynamoDBClient(settings);
  const error = await failure(client.send(new dynamodb.ListTablesCommand({})));
  expect(error).toMatchObject({
    name: 'NotImplemented',
    message: 'dynamodb:ListTables is not part of the stand-in',
  });
  expect(error.$metadata.httpStatusCode).toBe(501);
  const inside = await failure(cloud.request(cloud.iam.root(), 'dynamodb', 'ListTables', {}));
  expect(inside).toMatchObject({ code: 'NotImplemented', status: 501 });
});

test('an error that AWS does not declare for the operation is an error of ours', async () => {
  const asked = new dynamodb.DynamoDBClient(settings).send(
    new dynamodb.UpdateItemCommand({ TableName: 't', Key: { k: { S: 'x' } } }),
  );
  expect(await failure(asked)).toMatchObject({
    name: 'InternalFailure',
    message: 'dynamodb:UpdateItem does not declare NoSuchKey',
  });
});

test('an operation that never asked for authorization is an error of ours, from outside and from inside', async () => {
  const client = new dynamodb.DynamoDBClient(settings);
  const error = await failure(client.send(new dynamodb.DeleteItemCommand({ TableName: 't', Key: {} })));
  expect(error).toMatchObject({
    name: 'InternalFailure',
    message: 'dynamodb:DeleteItem did not ask for authorization',
  });
  await expect(cloud.request(cloud.iam.root(), 'dynamodb', 'DeleteItem', { TableName: 't', Key: {} })).rejects.toThrow(
    'did not ask',
  );
  const fault = await failure(client.send(new dynamodb.QueryCommand({ TableName: 't' })));
  expect(fault.$metadata.httpStatusCode).toBe(500);
});

test('an S3 upload arrives without its chunk framing, from a stream and from a buffer', async () => {
  const { Readable } = await import('node:stream');
  const client = new s3.S3Client(settings);
  const text = 'körper\n'.repeat(3000);
  for (const Body of [text, Readable.from([Buffer.from(text)])]) {
    const answer = await client.send(
      new s3.PutObjectCommand({
        Bucket: 'b',
        Key: 'deliveries/AROA:i-0abc/x y+ü',
        Body,
        ContentLength: Buffer.byteLength(text),
        IfNoneMatch: '*',
        Metadata: { Seq: '7' },
        ServerSideEncryption: 'aws:kms',
      }),
    );
    expect(answer).toMatchObject({ ETag: '"abc"', VersionId: 'v1' });
    expect(Buffer.from(last().Body).toString()).toBe(text);
    expect(last()).toMatchObject({
      Key: 'deliveries/AROA:i-0abc/x y+ü',
      Bucket: 'b',
      IfNoneMatch: '*',
      Metadata: { seq: '7' },
    });
    expect(last()).toMatchObject({ ServerSideEncryption: 'aws:kms', ContentLength: Buffer.byteLength(text) });
    expect(last().ContentEncoding).toBeUndefined();
    expect(last().ChecksumCRC32).toMatch(/==$/);
  }
});

test('an S3 upload with a wrong checksum is refused', async () => {
  const client = new s3.S3Client(settings);
  const put = new s3.PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'x', ChecksumCRC32: 'AAAAAA==' });
  expect(await failure(client.send(put))).toMatchObject({ name: 'BadDigest' });
});

test('S3 answers have bytes, dates, metadata and escaped names', async () => {
  const client = new s3.S3Client(settings);
  const got = await client.send(new s3.GetObjectCommand({ Bucket: 'b', Key: 'k', VersionId: 'v1' }));
  expect(await got.Body!.transformToByteArray()).toEqual(bytes);
  expect(got).toMatchObject({ LastModified: when, Metadata: { seq: '7' } });
  expect(last()).toMatchObject({ Bucket: 'b', Key: 'k', VersionId: 'v1' });
  const listed = await client.send(new s3.ListObjectsV2Command({ Bucket: 'b', Prefix: 'a&', MaxKeys: 3 }));
  expect(listed.Contents).toEqual([{ Key: 'a&<b> ü', Size: 5, LastModified: when }]);
  expect(last()).toMatchObject({ Prefix: 'a&', MaxKeys: 3 });
  const versions = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'b' }));
  expect(versions.Versions).toEqual([{ Key: 'k', VersionId: 'v1', IsLatest: true }]);
  await client.send(new s3.DeleteObjectsCommand({ Bucket: 'b', Delete: { Objects: [{ Key: 'a' }, { Key: 'c' }] } }));
  expect(last().Delete.Objects).toEqual([{ Key: 'a' }, { Key: 'c' }]);
  await client.send(new s3.CopyObjectCommand({ Bucket: 'b', Key: 'k2', CopySource: 'b/k' }));
  expect(last()).toMatchObject({ Key: 'k2', CopySource: 'b/k' });
  expect((await client.send(new s3.ListBucketsCommand({}))).Buckets).toEqual([{ Name: 'b', CreationDate: when }]);
  await client.send(new s3.CreateBucketCommand({ Bucket: 'new' }));
  expect(last()).toMatchObject({ Bucket: 'new' });
  expect((await failure(client.send(new s3.HeadObjectCommand({ Bucket: 'b', Key: 'k' })))).name).toBe('NotFound');
});

test('Route 53 batches and errors travel as XML', async () => {
  const client = new route53.Route53Client(settings);
  const batch = {
    Changes: [
      {
        Action: 'UPSERT' as const,
        ResourceRecordSet: {
          Name: '_acme-challenge.a.test',
          Type: 'TXT' as const,
          TTL: 10,
          ResourceRecords: [{ Value: '"x"' }, { Value: '"y"' }],
        },
      },
    ],
  };
  const changed = await client.send(
    new route53.ChangeResourceRecordSetsCommand({ HostedZoneId: '/hostedzone/Z1', ChangeBatch: batch }),
  );
  expect(changed.ChangeInfo).toEqual({ Id: '/change/C1', Status: 'PENDING', SubmittedAt: when });
  expect(last()).toEqual({ HostedZoneId: 'Z1', ChangeBatch: batch });
  const error = await failure(client.send(new route53.GetChangeCommand({ Id: 'C9' })));
  expect(error).toBeInstanceOf(route53.NoSuchChange);
  const batchError = await failure(
    client.send(new route53.ChangeResourceRecordSetsCommand({ HostedZoneId: 'Z2', ChangeBatch: batch })),
  );
  expect(batchError).toMatchObject({ name: 'InvalidChangeBatch', messages: ['one', 'two'] });
  const zones = await client.send(new route53.ListHostedZonesByNameCommand({ DNSName: 'a.test', MaxItems: 1 }));
  expect(zones).toMatchObject({ IsTruncated: false, MaxItems: 100, HostedZones: [{ Name: 'a.test.' }] });
  expect(last()).toEqual({ DNSName: 'a.test', MaxItems: 1 });
});

test('SQS answers in JSON to a client of today and in XML to one of 2022', async () => {
  const client = new sqs.SQSClient({ ...settings, md5: false });
  const QueueUrl = `${cloud.endpoint}/000000000000/q`;
  const received = await client.send(new sqs.ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  expect(received.Messages).toMatchObject([{ Body: '<a>', Attributes: { SentTimestamp: '1' } }]);
  const error = await failure(client.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: 'x' })));
  expect(error).toBeInstanceOf(sqs.QueueDoesNotExist);
  expect(error.Error.Code).toBe('AWS.SimpleQueueService.NonExistentQueue');

  const old = await signed('sqs', '/', {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    body: `Action=ReceiveMessage&Version=2012-11-05&QueueUrl=${encodeURIComponent(QueueUrl)}&AttributeName.1=All&MaxNumberOfMessages=10`,
  });
  expect(last()).toEqual({ QueueUrl, AttributeNames: ['All'], MaxNumberOfMessages: 10 });
  expect(await old.text()).toContain(
    '<ReceiveMessageResult><Message><MessageId>m</MessageId><MD5OfBody>x</MD5OfBody><Body>&lt;a&gt;</Body><Attribute><Name>SentTimestamp</Name><Value>1</Value></Attribute></Message></ReceiveMessageResult>',
  );
  const refused = await signed('sqs', '/', {
    'content-type': 'application/x-www-form-urlencoded',
    body: `Action=SendMessage&QueueUrl=${encodeURIComponent(QueueUrl)}&MessageBody=x`,
  });
  expect(await refused.text()).toContain('<Code>AWS.SimpleQueueService.NonExistentQueue</Code>');
});

test('each other client gets its dates, bytes and errors back', async () => {
  const started = await new sfn.SFNClient(settings).send(
    new sfn.StartExecutionCommand({ stateMachineArn: 'a', name: 'n', input: '{}' }),
  );
  expect(started.startDate).toEqual(when);
  const gone = await failure(
    new sfn.SFNClient(settings).send(new sfn.SendTaskSuccessCommand({ taskToken: 't', output: '{}' })),
  );
  expect(gone).toBeInstanceOf(sfn.TaskTimedOut);
  const parameter = await new ssm.SSMClient(settings).send(
    new ssm.GetParameterCommand({ Name: '/a', WithDecryption: true }),
  );
  expect(parameter.Parameter).toMatchObject({ LastModifiedDate: when, Version: 3 });
  const exists = await failure(
    new ssm.SSMClient(settings).send(new ssm.PutParameterCommand({ Name: '/a', Value: 'x' })),
  );
  expect(exists).toBeInstanceOf(ssm.ParameterAlreadyExists);
  const put = await new events.EventBridgeClient(settings).send(
    new events.PutEventsCommand({
      Entries: [{ Time: when, Source: 's', DetailType: 'd', Detail: '{}', Resources: ['r'] }],
    }),
  );
  expect(put.Entries).toEqual([{ EventId: 'e1' }]);
  expect(last().Entries[0].Time).toEqual(when);
  const opened = await new kms.KMSClient(settings).send(
    new kms.DecryptCommand({ CiphertextBlob: bytes, EncryptionContext: { a: 'b' } }),
  );
  expect(opened.Plaintext).toEqual(bytes);
  expect(last()).toEqual({ CiphertextBlob: bytes, EncryptionContext: { a: 'b' } });
  const CertificateArn = 'arn:aws:acm:us-east-1:000000000000:certificate/a';
  const described = await new acm.ACMClient(settings).send(new acm.DescribeCertificateCommand({ CertificateArn }));
  expect(described.Certificate).toEqual({ NotAfter: when, InUseBy: [] });
  const filtered = await new logs.CloudWatchLogsClient(settings).send(
    new logs.FilterLogEventsCommand({ logGroupName: 'g', startTime: 1 }),
  );
  expect(filtered.events).toEqual([{ message: 'm', timestamp: 1764000000000 }]);
});

test('Lambda and Scheduler, whose paths and headers carry members, are understood', async () => {
  const client = new lambda.LambdaClient(settings);
  const FunctionName = 'arn:aws:lambda:us-east-1:000000000000:function:f';
  const invoked = await client.send(
    new lambda.InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: Buffer.from('{}') }),
  );
  expect(invoked).toMatchObject({ StatusCode: 202, FunctionError: 'Unhandled' });
  expect(invoked.Payload!.transformToString()).toBe('{"a":1}');
  expect(last()).toMatchObject({ FunctionName, InvocationType: 'Event' });
  const error = await failure(client.send(new lambda.GetFunctionCommand({ FunctionName: 'g' })));
  expect(error).toBeInstanceOf(lambda.ResourceNotFoundException);
  expect(error).toMatchObject({ Type: 'User', message: 'is not there' });
  const schedules = new scheduler.SchedulerClient(settings);
  await schedules.send(
    new scheduler.CreateScheduleCommand({
      Name: 's',
      ScheduleExpression: 'at(2026-11-24T10:00:00)',
      StartDate: when,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: 'a', RoleArn: 'r' },
    }),
  );
  expect(last()).toMatchObject({ Name: 's', StartDate: when, FlexibleTimeWindow: { Mode: 'OFF' } });
  const got = await schedules.send(new scheduler.GetScheduleCommand({ Name: 's', GroupName: 'g' }));
  expect(got.StartDate).toEqual(when);
  expect(last()).toEqual({ Name: 's', GroupName: 'g' });
});

test('IAM and STS tell a caller its identity', async () => {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const { arn, roleId } = cloud.iam.putRole('mail', trust, []);
  const { Role } = await new iam.IAMClient(settings).send(new iam.GetRoleCommand({ RoleName: 'mail' }));
  expect(Role).toMatchObject({ Arn: arn, RoleId: roleId, CreateDate: expect.any(Date) });
  expect(JSON.parse(decodeURIComponent(Role!.AssumeRolePolicyDocument!))).toEqual(trust);
  const missingRole = await failure(new iam.IAMClient(settings).send(new iam.GetRoleCommand({ RoleName: 'none' })));
  expect(missingRole).toBeInstanceOf(iam.NoSuchEntityException);
  const session = { ...settings, credentials: cloud.iam.credentials(arn, 'i-0abc') };
  expect(await new sts.STSClient(session).send(new sts.GetCallerIdentityCommand({}))).toMatchObject({
    Account: '000000000000',
    UserId: `${roleId}:i-0abc`,
    Arn: 'arn:aws:sts::000000000000:assumed-role/mail/i-0abc',
  });
  const denied = await failure(new kms.KMSClient(session).send(new kms.DecryptCommand({ CiphertextBlob: bytes })));
  expect(denied).toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining('"Action":"test:Call"'),
  });
  expect(denied.$metadata.httpStatusCode).toBe(400);
  const deniedByS3 = await failure(new s3.S3Client(session).send(new s3.GetObjectCommand({ Bucket: 'b', Key: 'k' })));
  expect(deniedByS3).toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
});

test('a request that is unsigned, signed with an unknown key or changed on the way is refused', async () => {
  const plain = await fetch(`${cloud.endpoint}/b/k`);
  expect(plain.status).toBe(403);
  expect(plain.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationToken');
  expect(await plain.text()).toContain('MissingAuthenticationToken');
  const stranger = { ...settings, credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' } };
  const unknown = await failure(new kms.KMSClient(stranger).send(new kms.DecryptCommand({ CiphertextBlob: bytes })));
  expect(unknown).toMatchObject({ name: 'InvalidClientTokenId', $metadata: { httpStatusCode: 403 } });
  const elsewhere = await signed('secretsmanager', '/', { body: '{}' });
  expect(elsewhere.status).toBe(501);
  expect(await elsewhere.json()).toMatchObject({
    __type: 'NotImplemented',
    message: expect.stringContaining('secretsmanager'),
  });
  const wrong = { ...settings, credentials: { ...settings.credentials, secretAccessKey: 'x' } };
  const mismatch = await failure(new kms.KMSClient(wrong).send(new kms.DecryptCommand({ CiphertextBlob: bytes })));
  expect(mismatch.name).toBe('SignatureDoesNotMatch');
  const changed = await signed('s3', '/b/k', {}, '/b/other');
  expect(await changed.text()).toContain('SignatureDoesNotMatch');
  const swapped = await signed('sqs', '/', { body: 'Action=SendMessage' }, '/', 'Action=DeleteQueue');
  expect(await swapped.text()).toContain('XAmzContentSHA256Mismatch');
});

test('the log names each operation and never its content', async () => {
  const client = new s3.S3Client(settings);
  await client.send(new s3.PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'BEGIN PRIVATE KEY' }));
  await signed('kms', '/', { 'x-amz-target': 'TrentService.Decrypt', body: '{"Plaintext": BEGIN PRIVATE KEY' });
  const log = await readFile(join(directory, 'cloud.log'), 'utf8');
  expect(log).toMatch(/ s3:PutObject 200 [\d.]+ms arn:aws:iam::000000000000:root\n/);
  expect(log).not.toContain('PRIVATE KEY');
});

test('keys, roles and their ids survive a kill and a restart of the stand-in', async () => {
  const other = await mkdtemp(join(tmpdir(), 'sealpost-again-'));
  const before = await startCloud({ directory: other, services: [] });
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const allow = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'iam:GetRole', Resource: '*' }] };
  const role = before.iam.putRole('mail', trust, [allow]);
  const [root, session] = [before.iam.rootCredentials(), before.iam.credentials(role.arn, 'i-1')];
  // Without a stop: a second process finds what a kill leaves.
  const after = await startCloud({ directory: other, services: [] });
  expect(after.iam.rootCredentials()).toEqual(root);
  expect(after.iam.credentials(role.arn, 'i-1')).toEqual(session);
  expect(after.iam.role('mail').roleId).toBe(role.roleId);
  const client = new iam.IAMClient({ ...settings, endpoint: after.endpoint, credentials: session });
  expect((await client.send(new iam.GetRoleCommand({ RoleName: 'mail' }))).Role?.RoleId).toBe(role.roleId);
  await Promise.all([before.stop(), after.stop()]);
  await rm(other, { recursive: true });
});

/**
 * A hand-signed POST, or a GET without a body. `sentPath` and `sentBody` are changed after the
 * signature.
 */
async function signed(
  service: string,
  path: string,
  { body, ...headers }: Record<string, string>,
  sentPath = path,
  sentBody = body,
): Promise<Response> {
  const signer = new SignatureV4({
    service,
    region: cloud.region,
    credentials: cloud.iam.rootCredentials(),
    sha256: Sha256,
  });
  const { host } = new URL(cloud.endpoint);
  const method = body === undefined ? 'GET' : 'POST';
  const request = { method, protocol: 'http:', hostname: host, path, query: {}, headers: { host, ...headers }, body };
  const { headers: all } = await signer.sign(request);
  return fetch(cloud.endpoint + sentPath, { method, headers: all, body: sentBody });
}

import { GetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { ListHostedZonesCommand, Route53Client } from '@aws-sdk/client-route-53';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { GetParameterCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { beforeAll, expect, test } from 'vitest';
import { accessTo } from '../../../local/provider/access.ts';
import { clientOf, directory, environment } from './visitor.ts';

type Client = ReturnType<typeof clientOf>;
const as: Record<string, Client> = {};
let env: Record<string, string>;
let buckets: { certificates: string; deliveries: string };
let key: string;
let own: string;
const others = 'deliveries/AROAAAAAAAAAAAAAAAAAA:mi-00000000000000000/of-another-server';

async function keys(bucket: string, prefix: string): Promise<string[]> {
  const { Contents } = await new S3Client(as.person!).send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }),
  );
  return (Contents ?? []).map(({ Key }) => Key!);
}

const MAIL_SERVER_ROLE = 'sealpost-mail-server-us-east-1';

/** Requests that a role may or may not make, by the action's name in a policy. */
const attempts: Record<string, (client: Client) => Promise<unknown>> = {
  's3:GetObject on its own delivery': c =>
    new S3Client(c).send(new GetObjectCommand({ Bucket: buckets.deliveries, Key: own })),
  's3:GetObject on another server’s delivery': c =>
    new S3Client(c).send(new GetObjectCommand({ Bucket: buckets.deliveries, Key: others })),
  's3:GetObject on a private key': c =>
    new S3Client(c).send(new GetObjectCommand({ Bucket: buckets.certificates, Key: key })),
  's3:PutObject on its own deliveries': c =>
    new S3Client(c).send(new PutObjectCommand({ Bucket: buckets.deliveries, Key: `${own}x`, Body: 'x' })),
  's3:ListBucket on the deliveries': c =>
    new S3Client(c).send(new ListObjectsV2Command({ Bucket: buckets.deliveries })),
  'dynamodb:GetItem on a domain': c => readItem(c, { pk: { S: 'D#x' }, sk: { S: '/D' } }),
  'dynamodb:GetItem on a server': c => readItem(c, { pk: { S: 'S#x' }, sk: { S: '/S' } }),
  'events:PutEvents on the bus': c => putEvent(c, 'visitor'),
  'events:PutEvents as sealpost': c => putEvent(c, 'sealpost'),
  'ssm:SendCommand to a mail server': c =>
    new SSMClient(c).send(
      new SendCommandCommand({ DocumentName: 'sealpost-deliver', InstanceIds: [env.SEALPOST_NODE_MX1!] }),
    ),
  'ssm:GetParameter on the account key': c =>
    new SSMClient(c).send(
      new GetParameterCommand({ Name: '/sealpost/issuers/pebble/account-key', WithDecryption: true }),
    ),
  'states:StartExecution on the road': async c => {
    const { SecureDomain: stateMachineArn } = (await accessTo(directory)).stack.outputs;
    await new SFNClient(c).send(new StartExecutionCommand({ stateMachineArn, name: 'not-allowed' }));
  },
  'route53:ListHostedZones on zones': c => new Route53Client(c).send(new ListHostedZonesCommand({})),
  'iam:GetRole on a role': c => new IAMClient(c).send(new GetRoleCommand({ RoleName: MAIL_SERVER_ROLE })),
};

async function readItem(client: Client, Key: Record<'pk' | 'sk', { S: string }>): Promise<void> {
  await new DynamoDBClient(client).send(new GetItemCommand({ TableName: env.SEALPOST_TABLE, Key }));
}

async function putEvent(client: Client, source: string): Promise<void> {
  // No rule waits for this type: the sender gets Request Rejected, and nothing is written.
  const entry = { EventBusName: env.SEALPOST_BUS, Source: source, DetailType: 'Rights Looked At', Detail: '{}' };
  const { Entries } = await new EventBridgeClient(client).send(new PutEventsCommand({ Entries: [entry] }));
  const [{ ErrorCode, ErrorMessage } = {}] = Entries ?? [];
  if (ErrorCode) throw Object.assign(new Error(ErrorMessage), { name: ErrorCode });
}

const may: Record<string, string[]> = {
  mx1: ['s3:GetObject on its own delivery'],
  provider: ['events:PutEvents on the bus'],
  // ClaimDomain publishes under which server a domain is served, and starts another execution if
  // the wish changed meanwhile.
  'claim-domain': [
    'events:PutEvents as sealpost',
    'dynamodb:GetItem on a domain',
    'dynamodb:GetItem on a server',
    'states:StartExecution on the road',
  ],
  'finalize-order': [
    's3:GetObject on a private key',
    'dynamodb:GetItem on a server',
    'ssm:GetParameter on the account key',
  ],
};

export function rightsSuite(): void {
  beforeAll(async () => {
    env = await environment();
    as.person = clientOf(env);
    for (const who of Object.keys(may)) as[who] = clientOf(await environment('--as', who));
    const { CertificateBucket, DeliveryBucket } = (await accessTo(directory)).stack.outputs;
    buckets = { certificates: CertificateBucket!, deliveries: DeliveryBucket! };
    key = (await keys(buckets.certificates, 'certificates/')).find(key => key.endsWith('/key'))!;
    // A delivery is deleted when its answer is recorded, so the test puts one there to read.
    const { Role } = await new IAMClient(as.person).send(new GetRoleCommand({ RoleName: MAIL_SERVER_ROLE }));
    own = `deliveries/${Role!.RoleId}:${env.SEALPOST_NODE_MX1}/${'a'.repeat(64)}`;
    const person = new S3Client(as.person);
    await person.send(new PutObjectCommand({ Bucket: buckets.deliveries, Key: own, Body: 'keys' }));
    await person.send(new PutObjectCommand({ Bucket: buckets.deliveries, Key: others, Body: 'keys' }));
  });

  const pairs = Object.keys(may).flatMap(who => Object.keys(attempts).map(what => ({ who, what })));

  test.each(pairs.filter(({ who, what }) => may[who]!.includes(what)))('$who may: $what', async ({ who, what }) => {
    await attempts[what]!(as[who]!);
  });

  test.each(pairs.filter(({ who, what }) => !may[who]!.includes(what)))(
    '$who may not: $what, and the error names the action and the missing statement',
    async ({ who, what }) => {
      const refusal: Error = await attempts[what]!(as[who]!).then(
        () => expect.unreachable('it was allowed'),
        error => error,
      );
      expect(refusal.name).toMatch(/^AccessDenied(Exception)?$/);
      const action = what.split(' ')[0];
      expect(refusal.message).toContain(`is not authorized to perform: ${action} on resource: `);
      expect(refusal.message).toMatch(
        new RegExp(`Missing statement: \\{"Effect":"Allow","Action":"${action}"|explicit deny`),
      );
    },
  );
}

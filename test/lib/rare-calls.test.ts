/**
 * Calls that a function makes so rarely that no run of the road is sure to make them: each with the
 * function's own role, by the code of aws/ that makes the call in the product. Each one needs its
 * statement: the replay with the statement removed denies the call.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACMClient } from '@aws-sdk/client-acm';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { CreateHostedZoneCommand, Route53Client } from '@aws-sdk/client-route-53';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificateManager } from '../../aws/acm.ts';
import { auditBy } from '../../aws/audits.ts';
import { bus } from '../../aws/bus.ts';
import { commands } from '../../aws/commands.ts';
import { executions } from '../../aws/executions.ts';
import { certificateObjects, deliveryObjects } from '../../aws/objects.ts';
import { roles } from '../../aws/roles.ts';
import { secrets } from '../../aws/secrets.ts';
import { store } from '../../aws/store.ts';
import { Table } from '../../aws/table.ts';
import { zones } from '../../aws/zones.ts';
import type { FunctionName } from '../../lib/function-names.ts';
import { startStandIn, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { replay } from '../decisions/unused.ts';
import { makeStack, STACK } from '../house/stack-template.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealpost-rare-'));
const file = join(directory, 'decisions.jsonl');
const whole = process.env['AWS_STAND_IN_DECISIONS'];
let standIn: StandIn;
let outputs: Record<string, string>;
/** Names of resources by their logical ids. */
let names: Record<string, string>;
/** Hosted zones: ours, and one of a customer. */
const zone = { challenge: '', customer: '' };

beforeAll(async () => {
  process.env['AWS_STAND_IN_DECISIONS'] = file;
  standIn = await startStandIn({ directory });
  for (const [which, Name] of Object.entries({ challenge: 'acme.provider.test', customer: 'bakery.test' })) {
    const { HostedZone } = await new Route53Client(as('root')).send(
      new CreateHostedZoneCommand({ Name, CallerReference: Name }),
    );
    zone[which as keyof typeof zone] = HostedZone!.Id!.replace('/hostedzone/', '');
  }
  const parameters = {
    ...{ AcmeContact: 'mailto:certificates@provider.test', AcmeTermsAgreed: 'yes' },
    ...{ ChallengeZoneId: zone.challenge, ChallengeZoneName: 'acme.provider.test' },
  };
  const made = await standIn.loadTemplate({ cdkOut: makeStack(directory), stackName: STACK, parameters });
  outputs = made.outputs;
  names = Object.fromEntries(Object.entries(made.resources).map(([id, { ref }]) => [id, ref]));
}, 300_000);
afterAll(async () => {
  await standIn?.stop();
  // The run's own record is compared and replayed, too.
  if (whole !== undefined) appendFileSync(whole, readFileSync(file));
  if (whole === undefined) delete process.env['AWS_STAND_IN_DECISIONS'];
  else process.env['AWS_STAND_IN_DECISIONS'] = whole;
  rmSync(directory, { recursive: true, force: true });
});

function as(who: FunctionName | 'root') {
  const { iam, endpoint, region } = standIn;
  const role = () => Object.entries(names).find(([id]) => new RegExp(`^Functions${who}Role[0-9A-F]{8}$`).test(id))![1];
  const credentials = who === 'root' ? iam.rootCredentials() : iam.credentials(role(), 'rare');
  return { endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 };
}

type Client = ReturnType<typeof as>;
const now = () => 1_800_000_000_000;
const gone = { domain: 'bakery.test', id: 'f'.repeat(64) };
const hash = 'f'.repeat(64);
const certificates = (client: Client) => certificateObjects(new S3Client(client), outputs['CertificateBucket']!);
const items = (client: Client) => store(new Table(new DynamoDBClient(client), outputs['TableName']!));
const publish = (zoneId: string, recordName: string) => (client: Client) =>
  zones(new Route53Client(client), now).changeTxt(zoneId, [{ recordName, add: ['v'], remove: [] }]);
const inOurZone = (client: Client) => publish(zone.challenge, 'abc.acme.provider.test')(client);
const inCustomers = (client: Client) => publish(zone.customer, '_acme-challenge.bakery.test')(client);
const machines = () => ({
  'secure-domain': outputs['SecureDomain']!,
  'deliver-to-server': outputs['DeliverToServer']!,
});
const start = (client: Client) => executions(new SFNClient(client), machines()).start('secure-domain', 'rare', {});
const say =
  (detailType = 'Domain Retired') =>
  (client: Client) =>
    bus(new EventBridgeClient(client), outputs['BusName']!).put([{ detailType, detail: {} } as never]);
const keep = (client: Client) =>
  new SQSClient(client).send(new SendMessageCommand({ QueueUrl: outputs['DeadLettersUrl']!, MessageBody: '{}' }));
const readExternalAccount = async (client: Client) => {
  const Name = `/${STACK}/issuers/ca/external-account`;
  const put = { Name, Value: '{}', Type: 'SecureString' as const, KeyId: outputs['KeyArn'], Overwrite: true };
  await new SSMClient(as('root')).send(new PutParameterCommand(put));
  return secrets(new SSMClient(client), outputs['KeyArn']!).read(Name);
};
const tag = { key: 'sealpost:mail-server', value: STACK };

/** The function, the right in lib/why.ts, and the call. */
const calls: [FunctionName, string, (client: Client) => Promise<unknown>][] = [
  ['ClaimDomain', 'Certificates', client => certificates(client).remove(gone)],
  ['ClaimDomain', 'TxtInChallengeZone', inOurZone],
  // The record is there by now, so it is read.
  ['ClaimDomain', 'RecordsRead', inOurZone],
  ['ClaimDomain', 'TxtInCustomersZones', inCustomers],
  ['PublishChallenges', 'TxtInCustomersZones', inCustomers],
  ['ReleaseDomain', 'TxtInCustomersZones', inCustomers],
  ['ParkDomain', 'RecordsRead', inOurZone],
  ['ParkDomain', 'TxtInChallengeZone', inOurZone],
  ['ParkDomain', 'TxtInCustomersZones', inCustomers],
  ['AssembleDelivery', 'RolesRead', client => roles(new IAMClient(client)).role(`${STACK}-mail-server-us-east-1`)],
  ['FinalizeOrder', 'SeeWhatIsGone', client => certificates(client).readKey(gone)],
  ['ImportToAcm', 'SeeWhatIsGone', client => certificates(client).readKey(gone)],
  ['AssembleDelivery', 'SeeWhatIsGone', client => certificates(client).readKey(gone)],
  ['RevokeCertificate', 'SeeWhatIsGone', client => certificates(client).readChain(gone)],
  [
    'ImportToAcm',
    'AcmList',
    client => {
      const acm = new ACMClient(client);
      return certificateManager({ acm, firstImports: acm }, STACK).find({ domain: 'bakery.test', name: 'bakery.test' });
    },
  ],
  ['RevokeCertificate', 'StartMachines', start],
  ['ParkDomain', 'StartMachines', start],
  ['CreateOrder', 'ExternalAccount', readExternalAccount],
  ['CreateOrder', 'ExternalAccountCipher', readExternalAccount],
  ['ReleaseServer', 'Items', client => items(client).forgetToken(hash)],
  ['ReleaseServer', 'SpeakAsSealpost', say()],
  ['ClaimDomain', 'SpeakAsSealpost', say()],
  [
    'AssembleDelivery',
    'Deliveries',
    async client => {
      const deliveries = deliveryObjects(new S3Client(client), outputs['DeliveryBucket']!);
      await deliveries.putManifest(hash, []);
      return deliveries.readManifest(hash);
    },
  ],
  ['Sweep', 'Items', client => items(client).forgetToken(hash)],
  ['Sweep', 'Items', client => items(client).renewServer({ server: 'mx1.provider.test', me: 'rare', now: now() })],
  [
    'Sweep',
    'CommandsRead',
    client => commands(new SSMClient(client), tag).deliveryOf('00000000-0000-4000-8000-000000000000'),
  ],
  ['OnCommandStatus', 'KeepDeadLetters', keep],
  ['OnAcmExpiry', 'KeepDeadLetters', keep],
  ['Renew', 'Items', client => items(client).work('mx1.provider.test', 1)],
  ['Renew', 'DueIndex', client => items(client).domains(1)],
  ['LookFromOutside', 'SpeakAsSealpost', say('Endpoints Unverified')],
  [
    'LookFromOutside',
    'AskAudits',
    client => auditBy(new LambdaClient(client), { stack: STACK, server: 'mx1.provider.test', by: 'the outside check' }),
  ],
  ['LastGuard', 'Items', client => items(client).pagedOn()],
  ['LastGuard', 'Items', client => items(client).recordPage(1)],
  ['LastGuard', 'Items', client => items(client).forgetForeign({ domain: 'bakery.test', seenAt: 1 })],
  ['LastGuard', 'SpeakAsSealpost', say('Served Certificate Approaching Expiration')],
];

test.each(calls)('%s needs the right %s', async (name, right, call) => {
  const error = await call(as(name)).then(
    () => undefined,
    (refusal: Error) => refusal,
  );
  expect(`${error?.name} ${error?.message}`).not.toMatch(/AccessDenied|not authorized/);
  const { statements, unused } = await replay(file);
  const own = statements.filter(one => one.startsWith(`${name}: ${right}`) && !unused.includes(one));
  expect(own.length).toBeGreaterThan(0);
});

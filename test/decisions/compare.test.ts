/** A recorded authorization beside the answer of another evaluator: what is found, what is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { afterAll, expect, test } from 'vitest';
import { allow, startAccount, type Decision } from '../../packages/aws-stand-in/src/testing.ts';
import { compare } from './compare.ts';

const folder = mkdtempSync(join(tmpdir(), 'decisions-'));
const file = join(folder, 'decisions.jsonl');
afterAll(() => rmSync(folder, { recursive: true }));

const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/work';
const READS = { Version: '2012-10-17', Statement: [allow('dynamodb:GetItem', TABLE)] };
const read: Decision = {
  principal: 'arn:aws:sts::000000000000:assumed-role/sender/s',
  action: 'dynamodb:GetItem',
  resource: TABLE,
  context: { 'dynamodb:leadingkeys': ['d#example.com'] },
  identity: ['reads'],
  isAllowed: true,
};
const comparison = (...decisions: Decision[]) => compared({ policy: 'reads', document: READS }, ...decisions);
function compared(...lines: object[]) {
  writeFileSync(file, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
  return compare(file);
}

test('a decision that both make is counted once, though two processes recorded it', async () => {
  expect(await comparison(read, read)).toEqual({ compared: 1, passedOver: new Map(), disagreements: [] });
});

test('a decision that only we make is found, with both reasons', async () => {
  const refused = { ...read, isAllowed: false, reason: 'because no policy allows it' };
  const written = { ...read, action: 'dynamodb:PutItem' };
  const { disagreements } = await comparison(refused, written);
  expect(disagreements).toHaveLength(2);
  expect(disagreements[0]).toContain('the stand-in: refused: because no policy allows it\n  iam-simulate: Allowed');
  expect(disagreements[0]).toContain(`dynamodb:GetItem on ${TABLE} by ${read.principal}`);
  expect(disagreements[1]).toContain('the stand-in: allowed\n  iam-simulate: ImplicitlyDenied [{"effect":"Allow"');
});

test('a key that AWS does not have for the action is found, also if no policy asks for it', async () => {
  const described = { ...read, action: 'dynamodb:DescribeTable', isAllowed: false, reason: 'no' };
  const { disagreements } = await comparison(described);
  expect(disagreements[0]).toContain("AWS's reference has no dynamodb:leadingkeys for dynamodb:DescribeTable");
});

test('a question that AWS would not understand is found, also if we refuse it', async () => {
  const { disagreements } = await comparison({ ...read, action: 'dynamodb:GetItems', isAllowed: false, reason: 'no' });
  expect(disagreements[0]).toContain('iam-simulate: invalid.action');
});

test('a condition on the encryption context is compared, which the simulator alone would drop', async () => {
  const KEY = 'arn:aws:kms:us-east-1:000000000000:key/1';
  const Condition = { StringLike: { 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::b/${aws:userid}/*' } };
  const reads = { Version: '2012-10-17', Statement: [allow('kms:Decrypt', KEY, Condition)] };
  const Principal = { AWS: 'arn:aws:iam::000000000000:root' };
  const ofKey = { Version: '2012-10-17', Statement: [{ ...allow('kms:*', '*'), Principal }] };
  const of = (object: string, isAllowed: boolean): Decision => ({
    ...{ ...read, action: 'kms:Decrypt', resource: KEY, resourcePolicy: 'of-key', isAllowed },
    context: { 'aws:userid': 'AROA:i-1', 'kms:encryptioncontext:aws:s3:arn': `arn:aws:s3:::b/${object}` },
  });
  const policies = [
    { policy: 'reads', document: reads },
    { policy: 'of-key', document: ofKey },
  ];
  const both = await compared(...policies, of('AROA:i-1/manifest', true), of('AROA:i-2/manifest', false));
  expect(both).toEqual({ compared: 2, passedOver: new Map(), disagreements: [] });
});

test('what the stand-in records is what is compared: each distinct authorization, with its refusal', async () => {
  rmSync(file, { force: true });
  process.env.AWS_STAND_IN_DECISIONS = file;
  const account = await startAccount(['events']).finally(() => delete process.env.AWS_STAND_IN_DECISIONS);
  try {
    await account.make('AWS::Events::EventBus', 'Bus', { Name: 'wishes' });
    const put = (client: EventBridgeClient) =>
      client.send(
        new PutEventsCommand({
          Entries: [{ EventBusName: 'wishes', Source: 'panel', DetailType: 'Said', Detail: '{}' }],
        }),
      );
    const sender = account.client(EventBridgeClient, [allow('events:PutEvents', '*')]);
    for (const _ of [1, 2]) await put(sender);
    await expect(put(account.client(EventBridgeClient, []))).rejects.toThrow('not authorized');
    expect(await compare(file)).toEqual({ compared: 2, passedOver: new Map(), disagreements: [] });
  } finally {
    await account.stop();
  }
});

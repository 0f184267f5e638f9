/**
 * The commands of docs/restore.md, typed with Debian's `aws` as they stand on the page. The account
 * is the stand-in, with a table's backups and the concurrency of functions beside it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as functionsModel from '@aws-sdk/client-lambda';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../local/machine/program.ts';
import { ensureAwsCli } from '../../local/tools/aws-cli.ts';
import {
  AwsError,
  factories,
  startAccount,
  type Account,
  type ServiceFactory,
} from '../../packages/aws-stand-in/src/testing.ts';
import { makeTable } from '../aws/tables.ts';
import { read } from '../house/sources.ts';

type Item = Record<string, AttributeValue>;
const STACK = 'sealpost';
const functions = [`${STACK}-sweep`, `${STACK}-claim-domain`, 'another-sweep'];
const folder = mkdtempSync(join(tmpdir(), 'sealpost-restore-'));

let account: Account;
let client: DynamoDBClient;
let table: string;
let bucket: string;
/** What point-in-time recovery knows. */
let then: { time: string; items: Item[] };
let environment: Record<string, string>;
const concurrency = new Map<string, number>();
const backups = new Map<string, { of: string; items: Item[] }>();
/** A table that was deleted, or that a restore has made, with its items. */
const beside = new Map<string, Item[]>();
const recovered = new Set<string>();
const gone = new Set<string>();

async function itemsOf(name: string): Promise<Item[]> {
  return beside.get(name) ?? (await client.send(new ScanCommand({ TableName: name }))).Items ?? [];
}

async function fill(items: Item[]): Promise<void> {
  for (const { pk, sk } of await itemsOf(table))
    await client.send(new DeleteItemCommand({ TableName: table, Key: { pk: pk!, sk: sk! } }));
  for (const Item of items) await client.send(new PutItemCommand({ TableName: table, Item }));
}

const unknown = (name: string) =>
  new AwsError('ResourceNotFoundException', `Requested resource not found: Table: ${name} not found`);

/** DynamoDB with backups. */
const [dynamodb] = await factories(['dynamodb']);
const withBackups: ServiceFactory = cloud => {
  const service = dynamodb!(cloud);
  const { DescribeTable } = service.operations;
  const arnOf = (name: string) => `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`;
  const describe = (TableName: string) => ({ TableDescription: { TableName, TableStatus: 'CREATING' } });
  return {
    ...service,
    operations: {
      ...service.operations,
      DescribeTable(input, call) {
        call.authorize('dynamodb:DescribeTable', arnOf(input.TableName));
        if (gone.has(input.TableName)) throw unknown(input.TableName);
        if (beside.has(input.TableName)) return { Table: { TableName: input.TableName, TableStatus: 'ACTIVE' } };
        return DescribeTable!(input, call);
      },
      async CreateBackup({ TableName, BackupName }, call) {
        call.authorize('dynamodb:CreateBackup', arnOf(TableName));
        const BackupArn = `${arnOf(TableName)}/backup/0${1_600_000_000_000 + backups.size}-${BackupName}`;
        backups.set(BackupArn, { of: TableName, items: await itemsOf(TableName) });
        const times = { BackupStatus: 'CREATING', BackupType: 'USER', BackupCreationDateTime: new Date() };
        return { BackupDetails: { BackupArn, BackupName, ...times } };
      },
      RestoreTableToPointInTime({ SourceTableName, TargetTableName, RestoreDateTime }, call) {
        call.authorize('dynamodb:RestoreTableToPointInTime', arnOf(SourceTableName));
        expect(new Date(RestoreDateTime).toISOString()).toContain(then.time);
        beside.set(TargetTableName, then.items);
        return describe(TargetTableName);
      },
      async DeleteTable({ TableName }, call) {
        call.authorize('dynamodb:DeleteTable', arnOf(TableName));
        // Without this backup, what happened after that moment would be lost.
        expect([...backups.values()].filter(one => one.of === TableName)).toHaveLength(1);
        await fill([]);
        gone.add(TableName);
        return describe(TableName);
      },
      async RestoreTableFromBackup({ TargetTableName, BackupArn }, call) {
        call.authorize('dynamodb:RestoreTableFromBackup', arnOf(TargetTableName));
        if (!gone.delete(TargetTableName)) throw new AwsError('TableAlreadyExistsException', TargetTableName);
        await fill(backups.get(BackupArn)!.items);
        return describe(TargetTableName);
      },
      UpdateContinuousBackups({ TableName, PointInTimeRecoverySpecification }, call) {
        call.authorize('dynamodb:UpdateContinuousBackups', arnOf(TableName));
        if (PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled) recovered.add(TableName);
        return {};
      },
    },
  };
};

const withConcurrency: ServiceFactory = () => ({
  ...{ name: 'lambda', model: functionsModel, client: 'LambdaClient' },
  operations: {
    ListFunctions(_, call) {
      call.authorize('lambda:ListFunctions', '*');
      return { Functions: functions.map(FunctionName => ({ FunctionName })) };
    },
    PutFunctionConcurrency({ FunctionName, ReservedConcurrentExecutions }, call) {
      call.authorize('lambda:PutFunctionConcurrency', '*');
      concurrency.set(FunctionName, ReservedConcurrentExecutions);
      return { ReservedConcurrentExecutions };
    },
    DeleteFunctionConcurrency({ FunctionName }, call) {
      call.authorize('lambda:DeleteFunctionConcurrency', '*');
      concurrency.delete(FunctionName);
      return {};
    },
  },
});

const put = (id: string) =>
  client.send(
    new PutItemCommand({
      TableName: table,
      Item: { pk: { S: 'D#example.com' }, sk: { S: '/D' }, current: { M: { id: { S: id } } } },
    }),
  );
const [first, lost, anew] = ['a', 'b', 'c'].map(letter => letter.repeat(64)) as [string, string, string];
const s3 = () => account.client(S3Client);
const putKey = (id: string) =>
  s3().send(new PutObjectCommand({ Bucket: bucket, Key: `certificates/example.com/${id}/key`, Body: 'key' }));

/** The commands of a part of the page, with the account's names in place of the page's. */
function commandsOf(heading: string): string {
  const part = read('docs/restore.md').split(`\n## ${heading}`)[1]!.split('\n## ')[0]!;
  const [, commands] = /```sh\n([\s\S]*?)```/.exec(part)!;
  const names: Record<string, string> = { TableName: table, CertificateBucket: bucket, T: then.time };
  const [ARN] = [...backups.keys()].slice(-1);
  return commands!
    .replace(/\b(TableName|CertificateBucket|T)\b/g, name => names[name]!)
    .replace(/\bARN\b/, ARN ?? 'ARN');
}

async function type(commands: string): Promise<void> {
  const { exitCode, stderr } = await runProgram(['sh', '-euc', `cd "$HERE"\n${commands}`], { environment });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
}

beforeAll(async () => {
  account = await startAccount(['kms', 'dynamodb', 's3'], { dynamodb: withBackups, lambda: withConcurrency });
  client = account.client(DynamoDBClient);
  table = await makeTable(account);
  bucket = (await account.make('AWS::S3::Bucket', 'Certificates', {})).ref;
  const { command, environment: python } = await ensureAwsCli(() => {});
  writeFileSync(join(folder, 'aws'), `#!/bin/sh\nexec ${command.join(' ')} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n`, {
    mode: 0o755,
  });
  const { endpoint, region, iam } = account.cloud;
  const { accessKeyId, secretAccessKey } = iam.rootCredentials();
  environment = {
    ...{ ...python, PATH: `${folder}:${process.env.PATH}`, HERE: folder, STACK, HOME: folder },
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_DEFAULT_REGION: region, AWS_PAGER: '' },
    ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  };
  await put(first);
  await putKey(first);
  await pause(2_000);
  then = { time: new Date().toISOString().slice(0, 19), items: await itemsOf(table) };
  await put(lost);
  await putKey(lost);
}, 120_000);
afterAll(async () => {
  await account.stop();
  rmSync(folder, { recursive: true });
});

test('stop the functions of the stack, and no other', async () => {
  await type(commandsOf('1.'));
  expect([...concurrency]).toEqual([
    [functions[0], 0],
    [functions[1], 0],
  ]);
});

test('bring the table back as it was, under its name, with point-in-time recovery', async () => {
  // The page's last commands need what an earlier one has printed.
  const [before, after] = commandsOf('2.').split(/^(?=aws dynamodb restore-table-from-backup)/m) as [string, string];
  await type(before);
  expect(after).toContain('ARN');
  await type(after.replace('ARN', [...backups.keys()].at(-1)!));
  expect(await itemsOf(table)).toEqual(then.items);
  expect([...recovered]).toEqual([table]);
  expect([...backups.values()][0]!.items).toMatchObject([{ current: { M: { id: { S: lost } } } }]);
});

test('let the functions run again', async () => {
  await type(commandsOf('3.'));
  expect(concurrency.size).toBe(0);
});

test('delete the keys that are on no record, and no other', async () => {
  await put(anew);
  await putKey(anew);
  await type(commandsOf('5.'));
  const { Contents = [] } = await s3().send(new ListObjectsV2Command({ Bucket: bucket }));
  // The first one is on no record any more either, but it was stored before.
  expect(Contents.map(({ Key }) => Key!.split('/')[2])).toEqual([first, anew]);
});

/** What AWS answers on a bad day, and what each of our clients makes of it. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ACMClient } from '@aws-sdk/client-acm';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { Route53Client } from '@aws-sdk/client-route-53';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateManager } from '../../aws/acm.ts';
import { auditBy } from '../../aws/audits.ts';
import { bus } from '../../aws/bus.ts';
import { sendingCommands } from '../../aws/commands.ts';
import { deployed } from '../../aws/deployed.ts';
import { executions } from '../../aws/executions.ts';
import { knownItems } from '../../aws/known-items.ts';
import { certificateObjects } from '../../aws/objects.ts';
import { renewBy } from '../../aws/renewals.ts';
import { road } from '../../aws/road.ts';
import { roles } from '../../aws/roles.ts';
import { secrets } from '../../aws/secrets.ts';
import { Table } from '../../aws/table.ts';
import { patience, unlessBusy } from '../../aws/throttling.ts';
import { zones } from '../../aws/zones.ts';
import { read, under, withoutComments } from '../house/sources.ts';

type Day = (answer: ServerResponse) => void;

const html = '<html><body><h1>503 Service Unavailable</h1></body></html>';
const days: Record<string, Day> = {
  'an error of its own, 500': answer => answer.writeHead(500).end('{"__type":"InternalServerError","message":"sorry"}'),
  'a page of a load balancer, 502': answer => answer.writeHead(502, { 'content-type': 'text/html' }).end(html),
  'no service, 503': answer => answer.writeHead(503).end(),
  'a status of its own, 529': answer => answer.writeHead(529).end('{"__type":"SiteIsOverloaded"}'),
  'nothing, ever': () => {},
  'the head of an answer and no body': answer => {
    answer.writeHead(200, { 'content-length': '100' });
    answer.flushHeaders();
  },
  'half of an answer': answer => {
    answer.writeHead(200, { 'content-length': '100' }).write('{"half":');
    setTimeout(() => answer.destroy(), 20);
  },
  'an end of the connection': answer => answer.destroy(),
};

let day: Day;
const server = createServer((_, answer) => day(answer));
let closed: number;
beforeAll(async () => {
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const gone = createServer();
  await new Promise<void>(listening => gone.listen(0, '127.0.0.1', listening));
  closed = (gone.address() as AddressInfo).port;
  await new Promise(done => gone.close(done));
});
afterAll(() => server.closeAllConnections());

/** The clients of the product, with shorter time limits. */
function client<T>(Client: new (config: any) => T, port = (server.address() as AddressInfo).port): T {
  return new Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    forcePathStyle: true,
    requestHandler: { requestTimeout: 300, connectionTimeout: 300, socketTimeout: 300, throwOnRequestTimeout: true },
  });
}

const tag = { key: 'sealpost:mail-server', value: 'sealpost' };
const document = { name: 'deliver', content: '{}' };
const [domain, about] = ['example.com', 'mx1.provider.example'];
const machines = { 'secure-domain': 'arn:aws:states:us-east-1:0:stateMachine:a', 'deliver-to-server': 'b' };
const value = { recordName: `_acme-challenge.${domain}`, add: ['v'], remove: [] };
const sent = { node: 'mi-00000000000000001', delivery: 'd', installer: 'i', prefix: 'p', about };
const key = { pk: 'D#example.com', sk: '/D' };

/** One call of each of our files that call AWS. */
const calls: Record<string, (port?: number) => Promise<unknown>> = {
  'a node of Systems Manager': port => sendingCommands(client(SSMClient, port), tag, document).node(sent.node),
  'a command of Systems Manager': port => sendingCommands(client(SSMClient, port), tag, document).send(sent),
  'a parameter of Systems Manager': port => secrets(client(SSMClient, port), 'key').read('/sealpost/key'),
  'a role of IAM': port => roles(client(IAMClient, port)).role('mail-server'),
  'a read of DynamoDB': port => new Table(client(DynamoDBClient, port), 'table').get(key),
  'a write of DynamoDB': port => new Table(client(DynamoDBClient, port), 'table').update(key, { set: 'SET #a = :a' }),
  'a query of DynamoDB': port =>
    new Table(client(DynamoDBClient, port), 'table').query({ pk: key.pk, prefix: '/W#' }, 1),
  'a transaction of DynamoDB': port => new Table(client(DynamoDBClient, port), 'table').transact([]),
  'a scan of DynamoDB': port => knownItems(client(DynamoDBClient, port), 'table').all(),
  'an event of EventBridge': port =>
    bus(client(EventBridgeClient, port), 'sealpost').put([{ detailType: 'Domain Retired', detail: {} as never }]),
  'an execution of Step Functions': port =>
    executions(client(SFNClient, port), machines).start('secure-domain', 'name', {}),
  'a token of Step Functions': port => executions(client(SFNClient, port), machines).succeed('token', {}),
  'a read of Step Functions': port => road(client(SFNClient, port), 'sealpost', 0).newEvents(),
  'a key of S3': port => certificateObjects(client(S3Client, port), 'bucket').readKey({ domain, id: 'c1' }),
  'a chain to S3': port => certificateObjects(client(S3Client, port), 'bucket').putChain({ domain, id: 'c1' }, 'pem'),
  'a zone of Route 53': port => zones(client(Route53Client, port), Date.now).findZones(domain),
  'a TXT value of Route 53': port => zones(client(Route53Client, port), Date.now).changeTxt('Z0', [value]),
  'a certificate of ACM': port =>
    certificateManager({ acm: client(ACMClient, port), firstImports: client(ACMClient, port) }, 'sealpost').find({
      ...{ domain, name: domain },
    }),
  'the configuration of a function': port => deployed(client(LambdaClient, port), 'sealpost'),
  'a renewal that an operator asks for': port => renewBy(client(LambdaClient, port), 'sealpost', { domain }),
  'an audit that an operator asks for': port =>
    auditBy(client(LambdaClient, port), { stack: 'sealpost', server: about }),
};

describe.each(Object.entries(days))('if AWS answers with %s', (_, answers) => {
  beforeAll(() => {
    day = answers;
  });
  test.concurrent.each(Object.entries(calls))('%s is Throttled, which is tried again', async (_call, call) => {
    await expect(call()).rejects.toMatchObject({ name: 'Throttled' });
  });
});

describe('if nothing listens', () => {
  test.concurrent.each(Object.entries(calls))('%s is Throttled, which is tried again', async (_call, call) => {
    await expect(call(closed)).rejects.toMatchObject({ name: 'Throttled' });
  });
});

test.each(['ExecutionLimitExceeded', 'ReplicatedWriteConflictException', 'ConflictException', 'TooManyUpdates'])(
  '%s, which AWS mends by itself, is Throttled',
  async name => {
    const busy = () => Promise.reject(Object.assign(new Error('wait'), { name, $metadata: { httpStatusCode: 400 } }));
    await expect(unlessBusy('DynamoDB', domain, busy)).rejects.toMatchObject({ name: 'Throttled', about: domain });
  },
);

test('every client of the product has the time limits', () => {
  const made = under('aws', 'bin', 'lambdas').flatMap(file =>
    [...withoutComments(read(file)).matchAll(/new \w+Client\(([^)]*)\)/g)].map(([call, given]) => ({
      file,
      call,
      given,
    })),
  );
  expect(made.length).toBeGreaterThan(10);
  expect(made.filter(({ given }) => !/^(patience|access|\{ \.\.\.(patience|access), .*)$/.test(given!))).toEqual([]);
  expect(read('bin/environment.ts')).toMatch(/const access = \{\s*\.\.\.patience,/);
});

test('a call that gets no answer ends within the shortest time that a function has', async () => {
  day = answer => answer.writeHead(503).end();
  let attempts = 0;
  server.on('request', () => attempts++);
  const { requestTimeout } = patience.requestHandler;
  const shortest = 30_000;
  for (const call of Object.values(calls)) {
    attempts = 0;
    await expect(call()).rejects.toMatchObject({ name: 'Throttled' });
    expect(attempts).toBeGreaterThan(1);
    expect(attempts * requestTimeout).toBeLessThan(shortest);
  }
});

/** The real SDK on a wire that loses answers: the write is done, and its answer never arrives. */
import { createServer, request as requestOf, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Table } from '../../aws/table.ts';
import { store as storeOn } from '../../aws/store.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { allRows, stateOf } from './idempotence.suite.ts';
import { stage } from './store.stage.ts';
import { makeTable } from './tables.ts';

let account: Account;
let wire: Server;
/**
 * The kinds of the writes whose answers were lost: here in the test that runs, below in all tests.
 */
let lost: string[] = [];
const kinds = new Set<string>();

beforeAll(async () => {
  account = await startAccount(['dynamodb']);
  wire = createServer((asked, answer) => {
    const upstream = requestOf(account.cloud.endpoint, {
      method: asked.method,
      path: asked.url,
      headers: asked.headers,
    });
    const write = /\.(\w*(?:PutItem|UpdateItem|DeleteItem|WriteItems))$/.exec(`${asked.headers['x-amz-target']}`)?.[1];
    // The SDK sends the number of the attempt. The answer to the first attempt of each write is
    // lost.
    const isLost = write !== undefined && `${asked.headers['amz-sdk-request']}`.startsWith('attempt=1;');
    upstream.on('response', come => {
      if (!isLost) return void come.pipe(answer.writeHead(come.statusCode!, come.headers));
      come.resume().on('end', () => asked.socket.destroy());
      lost.push(write);
    });
    asked.pipe(upstream);
  });
  await new Promise<void>(resolve => wire.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  wire.close();
  await account.stop();
});

describe('a write whose answer is lost, and that the SDK sends again', () => {
  const rows = allRows.filter(({ again }) => again === undefined);
  test.each(rows.map(row => [row.title === undefined ? row.method : `${row.method}, ${row.title}`, row] as const))(
    'leaves what one write leaves: %s',
    async (_, { given, call, answer, leaves }) => {
      const on = async (endpoint: string) => {
        const direct = account.client(DynamoDBClient);
        const name = await makeTable(account);
        const store = storeOn(new Table(direct, name));
        const owner = (await given?.(
          stage(() => store),
          store,
        )) as string;
        lost = [];
        // Three attempts, as the product's client makes.
        const client = new DynamoDBClient({ region: 'us-east-1', credentials: direct.config.credentials, endpoint });
        expect(await call(storeOn(new Table(client, name)), owner)).toEqual(answer);
        return stateOf(store);
      };
      const whole = await on(account.cloud.endpoint);
      const losing = await on(`http://127.0.0.1:${(wire.address() as AddressInfo).port}`);
      for (const kind of lost) kinds.add(kind);
      // DynamoDB recognises a repeated transaction by its ClientRequestToken.
      expect(losing).toEqual(leaves && !lost.includes('TransactWriteItems') ? leaves.state(whole) : whole);
    },
  );

  test('is tested for each kind', () => {
    expect([...kinds].sort()).toEqual(['DeleteItem', 'PutItem', 'TransactWriteItems', 'UpdateItem']);
  });
});

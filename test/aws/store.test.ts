import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { store } from '../../aws/store.ts';
import { Table } from '../../aws/table.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { everything, faultsOfTheStore } from '../faults/seed.ts';
import { memoryStore } from '../twins/store.ts';
import { describeStore } from './store.suite.ts';
import { makeTable } from './tables.ts';

let provider: Account;

beforeAll(async () => {
  provider = await startAccount(['dynamodb'], {}, faultsOfTheStore);
});
afterAll(() => provider.stop());

const emptyTable = async (client = provider.client(DynamoDBClient, everything)) =>
  new Table(client, await makeTable(provider));

describeStore('DynamoDB', async () => store(await emptyTable()));
describeStore('its twin', async () => memoryStore());

test('two callers that find a budget unused at the same moment both get a slot', async () => {
  const client = provider.client(DynamoDBClient, everything);
  // The first write of each caller is done before a second write begins.
  let first = 2;
  let both = () => {};
  const done = new Promise<void>(resolve => (both = resolve));
  client.middlewareStack.add(next => async args => {
    const answer = await next(args).catch((error: unknown) => ({ error }));
    if ((first -= 1) === 0) both();
    if (first >= 0) await done;
    if ('error' in answer) throw answer.error;
    return answer;
  });
  const { reserveOrder } = store(await emptyTable(client));
  const at = 1_800_000_000_000;
  const reserved = [0, 1].map(() => reserveOrder('ca', { intervalMs: 10_000, horizonMs: 30_000, now: at }));
  expect(await Promise.all(reserved)).toEqual([at, at]);
});

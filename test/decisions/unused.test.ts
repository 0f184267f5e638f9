/** A statement that no recorded call needs is found; one that a call needs is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { allow, type Decision } from '../../packages/aws-stand-in/src/testing.ts';
import { replay } from './unused.ts';

const folder = mkdtempSync(join(tmpdir(), 'unused-'));
const file = join(folder, 'decisions.jsonl');
afterAll(() => rmSync(folder, { recursive: true }));

const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/work';
const statement = (Sid: string, action: string, resource = TABLE) => ({ Sid, ...allow(action, resource) });
const read: Decision = {
  principal: 'arn:aws:sts::000000000000:assumed-role/stack-FunctionsSweepRole0123ABCD/s',
  action: 'dynamodb:GetItem',
  resource: TABLE,
  context: {},
  identity: ['of-sweep'],
  isAllowed: true,
};
function recorded(statements: object[], ...decisions: Decision[]) {
  const policy = { policy: 'of-sweep', document: { Version: '2012-10-17', Statement: statements } };
  // The policy of a resource has principals, and is none of the function's.
  const ofKey = { policy: 'of-key', document: { Version: '2012-10-17', Statement: [{ Principal: '*' }] } };
  writeFileSync(file, [policy, ofKey, ...decisions].map(line => `${JSON.stringify(line)}\n`).join(''));
  return replay(file);
}

test('a statement that no call needs is unused, and a call counts once', async () => {
  const found = await recorded(
    [statement('Reads', 'dynamodb:GetItem'), statement('Writes', 'dynamodb:PutItem')],
    read,
    read,
  );
  expect(found).toEqual({ calls: 1, statements: ['Sweep: Reads', 'Sweep: Writes'], unused: ['Sweep: Writes'] });
});

test('a statement is unused, too, if another one allows the same calls', async () => {
  const found = await recorded([statement('Reads', 'dynamodb:GetItem'), statement('All', 'dynamodb:*')], read);
  expect(found.unused).toEqual(['Sweep: All', 'Sweep: Reads']);
});

test('a call that was refused, or that another principal made, needs nothing', async () => {
  const refused = { ...read, isAllowed: false, reason: 'no' };
  const foreign = { ...read, principal: 'arn:aws:sts::000000000000:assumed-role/panel/s' };
  expect(await recorded([statement('Reads', 'dynamodb:GetItem')], refused, foreign)).toMatchObject({
    calls: 0,
    unused: [],
  });
});

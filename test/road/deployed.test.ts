/** A change of the synthesised stack shows in the execution, so the deployed stack is what runs. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { STACK, type Provider } from '../../local/provider/provider.ts';
import { delegateDomain, storeOf } from '../../local/provider/panel.ts';
import { entered, History } from './history.ts';
import { deploy, put, scratch, stack } from './provider.ts';

const directory = scratch();
let provider: Provider;
let events: HistoryEvent[];

beforeAll(async () => {
  const cdkOut = join(directory, 'cdk.out');
  cpSync(await stack(), cdkOut, { recursive: true });
  edit(join(cdkOut, `${STACK}.template.json`), template => {
    takeOut(template, 'sealpost-finalize-order', 's3:PutObject');
    edit(definitionFile(cdkOut, template), definition => rename(definition, 'PublishChallenges', 'TellTheWorld'));
  });
  // Without faults of AWS: the test counts what fails.
  provider = await deploy(cdkOut, directory, { faults: undefined });
  // A recorded, inspected server without a test host: no step before the stored certificate needs
  // one.
  const store = storeOf(provider);
  const server = { server: 'mx1.provider.test', node: 'mi-0123456789abcdef0', roleId: 'none', adopt: false };
  await store.registerServer(server, { at: Date.now(), now: Date.now() });
  const [me, hash] = [(await store.wakeServer(server.server, Date.now()))!, '0'.repeat(64)];
  await store.startDelivery({ server: server.server, me, now: Date.now() }, { hash, seq: 2, mode: 'inspect' });
  await store.endDelivery(
    { server: server.server, me, now: Date.now() },
    { hash, changes: { capability: { 'serves-by-name': ['postfix,dovecot,nginx'] } } },
  );
  await delegateDomain(provider, { domain: 'bakery.test', address: '127.0.0.1' });
  const [id] = await put(provider, 'Domain Created', [{ domain: 'bakery.test', mailServers: [server.server] }]);
  const history = new History(provider);
  const { executionArn } = await history.ended(id!);
  events = await history.events(executionArn!);
}, 120_000);

afterAll(async () => {
  await provider?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

it('a state that is renamed in the definition has its new name in the history', () => {
  expect(entered(events).slice(0, 4)).toEqual(['ClaimDomain', 'CreateOrder', 'TellTheWorld', 'WaitForDns']);
});

it("a right that a function lost fails exactly its step, and the domain is parked with the right's name", async () => {
  const failed = events.filter(event => event.type === 'LambdaFunctionFailed' || event.type === 'TaskFailed');
  const details = failed.map(event => event.lambdaFunctionFailedEventDetails ?? event.taskFailedEventDetails);
  // The step is tried again, because IAM may not know a new right everywhere yet.
  expect(details.map(one => one!.error)).toEqual(Array(5).fill('AccessDenied'));
  expect(details[0]!.cause).toMatch(/sealpost-finalize-order.*not authorized to perform: s3:PutObject/);
  expect(entered(events).slice(4)).toEqual(['Validate', 'FinalizeOrder', 'ParkForPerson', 'Unexpected']);
  const { parked, current } = (await storeOf(provider).readDomain('bakery.test'))!;
  expect(current).toBeUndefined();
  expect(parked!.reason).toBe('Unexpected');
  expect(parked!.message).toMatch(/^AccessDenied: .*s3:PutObject/);
});

type Json = Record<string, any>;

function edit(file: string, change: (content: Json) => void): void {
  const content = JSON.parse(readFileSync(file, 'utf8')) as Json;
  change(content);
  writeFileSync(file, JSON.stringify(content));
}

/** Removes an action from the role of a function, as if it had never been in lib/functions.ts. */
function takeOut(template: Json, functionName: string, action: string): void {
  const row = resources(template).find(one => one.Properties?.FunctionName === functionName)!;
  const role = template.Resources[row.Properties.Role['Fn::GetAtt'][0]] as Json;
  const statements: Json[] = role.Properties.Policies[0].PolicyDocument.Statement;
  const with_ = statements.find(statement => [statement.Action].flat().includes(action))!;
  with_.Action = [with_.Action].flat().filter((one: string) => one !== action);
}

/** The asset from which the template takes the definition of secure-domain. */
function definitionFile(cdkOut: string, template: Json): string {
  const machine = resources(template).find(one => one.Properties?.StateMachineName === `${STACK}-secure-domain`)!;
  const key: string = machine.Properties.DefinitionS3Location.Key;
  return join(cdkOut, `asset.${key}`);
}

function resources(template: Json): Json[] {
  return Object.values(template.Resources);
}

function rename(definition: Json, from: string, to: string): void {
  definition.States[to] = definition.States[from];
  delete definition.States[from];
  for (const state of Object.values<Json>(definition.States)) if (state.Next === from) state.Next = to;
}

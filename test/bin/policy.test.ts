/**
 * The policy that is printed for a command, on the whole stack in the stand-in, which enforces
 * rights as AWS does: with it the command works, and without any statement of it AWS denies.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { store as storeOn } from '../../aws/store.ts';
import { Table } from '../../aws/table.ts';
import { commands } from '../../bin/commands.ts';
import { environment } from '../../bin/environment.ts';
import { main } from '../../bin/sealpost.ts';
import { synthesise } from '../../local/synth.ts';
import { startStandIn, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { checkout } from '../house/sources.ts';

const ROLE = 'operator';
const MX1 = 'mx1.provider.example';
/** A command line of each command. Without one: why it is not run here. */
const lines: Record<string, string | { because: string }> = {
  status: 'sealpost status',
  dns: 'sealpost dns example.com',
  settings: 'sealpost settings other.example',
  doctor: 'sealpost doctor --server mx1.provider.example',
  add: 'sealpost add example.com --servers mx1.provider.example',
  change: 'sealpost change example.com --servers mx2.provider.example',
  delete: 'sealpost delete example.com',
  register: 'sealpost register mx1.provider.example --node mi-0123456789abcdef0 --adopt',
  retire: 'sealpost retire mx1.provider.example',
  renew: 'sealpost renew renewed.example',
  audit: 'sealpost audit mx1.provider.example',
  policy: 'sealpost policy status',
  watch: { because: 'it stays; its calls are made below' },
  import: { because: 'it looks at servers; test/road imports' },
  provide: { because: 'it wants a certificate that is trusted; test/road provides' },
  completion: { because: 'it calls nobody' },
};

let directory: string;
let standIn: StandIn;
let roleArn: string;
let error: string;
let out: string;

const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-policy-'));
  const kept = join(checkout, '.local/house');
  mkdirSync(kept, { recursive: true });
  process.env['CDK_VALIDATION'] = 'false';
  const cdkOut = await synthesise(kept, () => {});
  standIn = await startStandIn({ directory });
  roleArn = standIn.iam.putRole(ROLE, trust, []).arn;
  const parameters = {
    ...{ AcmeContact: 'mailto:certificates@provider.example', AcmeTermsAgreed: 'yes', SenderRoleArns: roleArn },
    ...{ ChallengeZoneId: 'Z0000000000000', ChallengeZoneName: 'acme.provider.example' },
  };
  const { outputs } = await standIn.loadTemplate({ cdkOut, stackName: 'sealpost', parameters });
  const { endpoint, region } = standIn;
  const dynamodb = new DynamoDBClient({ endpoint, region, credentials: standIn.iam.rootCredentials() });
  const store = storeOn(new Table(dynamodb, outputs.TableName!));
  for (const domain of ['example.com', 'renewed.example', 'kept.example'])
    await store.acceptWish({ domain, mailServers: [MX1], policy: 'wildcard' }, { at: 1 }, Date.now());
  dynamodb.destroy();
}, 300_000);
afterAll(async () => {
  await standIn.stop();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  [out, error] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation(text => ((out += String(text)), true));
  vi.spyOn(console, 'error').mockImplementation(text => void (error += `${text}\n`));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

interface Policy {
  Version: string;
  Statement: object[];
}

function become(credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): void {
  vi.stubEnv('AWS_ENDPOINT_URL', standIn.endpoint);
  vi.stubEnv('AWS_REGION', standIn.region);
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', credentials.sessionToken ?? '');
}
function withPolicy(policy: Policy): void {
  standIn.iam.putRole(ROLE, trust, [policy]);
  become(standIn.iam.credentials(roleArn, 'person'));
}
async function printed(command: string): Promise<Policy> {
  become(standIn.iam.rootCredentials());
  expect(await main(['policy', command])).toBe(0);
  return JSON.parse(out);
}

test('every command has a policy, and is run here or said why not', () => {
  expect(Object.keys(lines).sort()).toEqual(Object.keys(commands).sort());
});

const run = Object.entries(lines).flatMap(([command, line]) => (typeof line === 'string' ? [{ command, line }] : []));
describe.each(run)('$line', ({ command, line }) => {
  test('works with the policy that is printed for it, and with nothing less', async () => {
    const policy = await printed(command);
    withPolicy(policy);
    await main(line.split(' ').slice(1));
    expect(error).not.toMatch(/not authorized|AccessDenied|denied/i);
    for (const [left] of policy.Statement.entries()) {
      withPolicy({ ...policy, Statement: policy.Statement.filter((_, at) => at !== left) });
      error = '';
      await main(line.split(' ').slice(1));
      expect(error, `without ${JSON.stringify(policy.Statement[left])}`).toMatch(/not authorized|AccessDenied|denied/i);
    }
  }, 60_000);
});

test('watch reads executions with its policy', async () => {
  const policy = await printed('watch');
  withPolicy(policy);
  const newEvents = () => environment({ stack: 'sealpost' }, process.env).road().newEvents();
  expect(await newEvents()).toEqual(expect.any(Array));
  withPolicy({ ...policy, Statement: policy.Statement.slice(1) });
  await expect(newEvents()).rejects.toThrow(/not authorized|denied/i);
});

test('a sender that is not named is told what it needs', async () => {
  const policy = await printed('add');
  const other = standIn.iam.putRole('nobody', trust, [policy]);
  become(standIn.iam.credentials(other.arn, 'person'));
  expect(await main(['add', 'new.example', '--servers', MX1])).toBe(3);
  expect(error).toContain('SenderRoleArns');
});

test.each([
  ['add new.example', 'add needs --servers SERVERS.'],
  ['add new.example --servers mx1', 'detail.mailServers[0]'],
  ['add com --servers mx1.provider.example', 'com'],
  ['register mx1.provider.example', 'register needs --node NODE.'],
  ['register mx1.provider.example --node web1', 'detail.node "web1" is not valid; give the managed node id'],
  ['import LICENSE', 'the file'],
  ['change example.com --wildcard --names mail', '--wildcard or --names'],
  ['add new.example --servers mx1.provider.example --issuer Big', 'detail.issuer "Big" is not valid'],
])('%s is refused before AWS is asked', async (line, why) => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
  expect(await main(line.split(' '))).toBe(2);
  expect(error).toContain(why);
});

test('change keeps what is not given, and says so to the bus', async () => {
  become(standIn.iam.rootCredentials());
  standIn.iam.putRole(ROLE, trust, [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
  ]);
  become(standIn.iam.credentials(roleArn, 'person'));
  await main(['change', 'kept.example', '--servers', 'mx2.provider.example', '--json']);
  expect(error).toBe('');
  expect(JSON.parse(out)).toMatchObject({
    detailType: 'Domain Changed',
    detail: { domain: 'kept.example', mailServers: ['mx2.provider.example'], policy: 'wildcard' },
  });
});

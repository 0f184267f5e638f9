/** Which region and whose credentials each client of AWS signs with that the command line makes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { environment } from '../../bin/environment.ts';
import type { Common, Environment } from '../../bin/here.ts';

let server: Server;
let home: string;
/** Of each request: the access key, the region and the service that its signature names. */
let signed: { key: string; region: string; service: string }[];

/** Answers as far as the command line has to get: each of its clients is used once. */
function answer({ url, headers }: IncomingMessage): unknown {
  const [, key, region, service] = /Credential=(\w+)\/\d+\/([\w-]+)\/(\w+)\//.exec(headers.authorization ?? '') ?? [];
  signed.push({ key: key!, region: region!, service: service! });
  if (url!.endsWith('/configuration')) {
    const Variables = { TABLE: 'table', CHALLENGE_ZONE_NAME: 'c.example', CERTIFICATE_BUCKET: 'bucket', KEY: 'key' };
    return {
      FunctionArn: 'arn:aws:lambda:us-west-2:000000000000:function:sealpost-finalize-order',
      Environment: { Variables: { ...Variables, ISSUERS: '[{"name":"ca","directory":"https://ca.example"}]' } },
    };
  }
  return service === 'states' ? { stateMachines: [] } : { Items: [], Entries: [{ EventId: 'id' }], asked: true };
}

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => response.end(JSON.stringify(answer(request))));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  home = mkdtempSync(join(tmpdir(), 'sealpost-profiles-'));
  const key = (name: string, id: string) => `[${name}]\naws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
  writeFileSync(join(home, 'credentials'), key('named', 'NAMED') + key('default', 'DEFAULT'));
  writeFileSync(join(home, 'config'), '[profile named]\nregion = eu-south-1\n');
});
afterAll(() => {
  server.close();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  signed = [];
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(home, 'credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', join(home, 'config'));
  vi.stubEnv('AWS_REGION', 'us-west-2');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ENVIRONMENT');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  return () => vi.unstubAllEnvs();
});

/** One use of each thing that a command can have; the answers are not looked at. */
const uses: { [of in keyof Environment]: (here: Environment) => Promise<unknown> } = {
  store: async here => (await here.store()).all(),
  challengeZone: here => here.challengeZone(),
  road: here => here.road().newEvents(),
  look: here => here.look(),
  renew: here => here.renew({ domain: 'example.com' }),
  elsewhere: async here => {
    const { store, certificates } = await here.elsewhere();
    await store.readDomain('example.com');
    await certificates.putChain({ domain: 'example.com', id: 'id' }, 'chain');
  },
  audit: here => here.audit('mx1.provider.example'),
  tell: here => here.tell({ detailType: 'Domain Deleted', detail: { domain: 'example.com' } }),
  surroundings: here => here.surroundings(),
  resources: here => here.resources(),
  importing: async here => (await here.importing()).store.readDomain('example.com'),
};

async function signatures(of: keyof Environment, given: Partial<Common>) {
  await uses[of](environment({ stack: 'sealpost', ...given }, { AWS_ENDPOINT_URL: process.env.AWS_ENDPOINT_URL }));
  expect(signed.length).toBeGreaterThan(0);
  return new Set(signed.map(({ key, region }) => `${key} ${region}`));
}

describe.each(Object.keys(uses) as (keyof Environment)[])('%s', of => {
  test('is signed by the standard environment where nothing is given', async () => {
    expect(await signatures(of, {})).toEqual(new Set(['ENVIRONMENT us-west-2']));
  });

  test('is signed for --region', async () => {
    expect(await signatures(of, { region: 'eu-central-1' })).toEqual(new Set(['ENVIRONMENT eu-central-1']));
  });

  test('is signed by --profile, before the access keys of the environment, and without a warning', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    expect(await signatures(of, { profile: 'named' })).toEqual(new Set(['NAMED us-west-2']));
    expect(warned).not.toHaveBeenCalled();
  });

  test("has the profile's region where the environment has none", async () => {
    vi.stubEnv('AWS_REGION', undefined);
    expect(await signatures(of, { profile: 'named' })).toEqual(new Set(['NAMED eu-south-1']));
  });
});

test('all of it together speaks to five services', async () => {
  for (const of of Object.keys(uses) as (keyof Environment)[]) await signatures(of, {});
  expect(new Set(signed.map(({ service }) => service))).toEqual(
    new Set(['lambda', 'dynamodb', 'states', 's3', 'events']),
  );
});

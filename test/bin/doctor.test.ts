/** `sealpost doctor`: the plan of a server from its record, and the installer for any other. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Environment } from '../../bin/here.ts';
import { main } from '../../bin/sealpost.ts';
import type { Known } from '../../core/status/known.ts';
import type { ServerRecord } from '../../core/record/server.ts';
import { installer } from '../../install/assemble.ts';
import { minute, mx1, now } from '../aws/store.stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealpost-doctor-'));
const node = 'mi-0123456789abcdef0';
const line = '/etc/postfix/main.cf:31 + tls_server_sni_maps = lmdb:/etc/sealpost/sni';
let record: ServerRecord | undefined;
const known = async (): Promise<Known> => ({
  domains: [],
  issuers: [],
  servers: new Map(record ? [[record.server, { record, work: new Map(), installed: new Map() }]] : []),
});
const environment: Partial<Environment> = {
  store: async () => ({ all: known, ofServer: known }) as never,
  surroundings: async () => ({
    ...{ challengeZone: 'acme.provider.example', dns: { resolve: async () => [] }, issuers: [], known: await known() },
    directory: async () => ({ newOrder: '' }),
  }),
};
vi.mock('../../bin/environment.ts', () => ({ environment: () => environment }));

let out: string;
let error: string;
beforeEach(() => {
  [out, error] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation(text => ((out += text), true));
  vi.spyOn(console, 'error').mockImplementation(text => void (error += `${text}\n`));
  record = {
    ...{ server: mx1, node, roleId: 'AROAEXAMPLE', adopt: false, registeredAt: now, wanted: 1, done: 1, seq: 1 },
    ...{ hostSecuredAt: now, dueAt: Date.now() + minute },
    capability: {
      daemon: ['postfix ready', 'dovecot refused /etc/dovecot/dovecot.conf:3: ssl = no; turn TLS on'],
      plan: [`postfix ${line}`, 'postfix costs one reload'],
    },
  };
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true }));

test.each([mx1, node])('shows the daemons of %s, the plan that waits, and what stands in the way', async named => {
  expect(await main(['doctor', '--server', named])).toBe(1);
  expect(out).toMatch(/^postfix +waits for consent/m);
  expect(out).toMatch(/^dovecot +refused +\/etc\/dovecot\/dovecot\.conf:3: ssl = no; turn TLS on$/m);
  expect(out).toContain(`Plan for postfix:\n  ${line}\n  costs one reload`);
  expect(out).toContain('→ Mend it on the server, then put Mail Server Changed');
});

test('says of a server that is not registered how its plan is read on the server', async () => {
  record = undefined;
  expect(await main(['doctor', '--server', 'mx9.provider.test'])).toBe(1);
  expect(error).toMatch(/mx9\.provider\.test is not registered[^]*sh installer\.sh inspect[^]*--installer/);
});

// sealpost doctor --installer installer.sh
test('writes the installer that a server runs', async () => {
  const file = join(folder, 'installer.sh');
  expect(await main(['doctor', '--installer', file])).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe(installer().text);
  expect(out).toContain(`sh ${file} inspect`);
});

test('alone looks at what is around the deployment, and at each server', async () => {
  expect(await main(['doctor'])).toBe(1);
  expect(out).toMatch(/^WRONG challenge zone acme\.provider\.example: has no name servers/m);
  expect(out).toMatch(/^WRONG mail server mx1\.provider\.example: is not well\n +→ /m);
  expect(error).toBe('');
});

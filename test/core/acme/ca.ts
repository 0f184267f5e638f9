/**
 * A real CA (Pebble) that queries a name server of the test, behind a proxy that can disturb
 * requests.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../../core/acme/client.ts';
import type { Acme } from '../../../core/acme/client.ts';
import type { Patience } from '../../../core/acme/order.ts';
import { startPebble } from '../../../local/ca/pebble.ts';
import type { Ca, CaRequest } from '../../../local/ca/pebble.ts';
import { startNameServer } from '../dns/name-server.ts';
import type { NameServer } from '../dns/name-server.ts';
import { startProxy, type Proxy } from './proxy.ts';

export { problem } from './proxy.ts';

export interface TestCa extends Omit<Proxy, 'stop'> {
  ca: Ca;
  names: NameServer;
  /** Resets the recorded requests and the disturbances. */
  calm(): void;
  connect(options?: { accountKey?: string; accountUrl?: string; timeoutMs?: number }): Acme;
  stop(): Promise<void>;
}

export const accountKey = newAccountKey();

export function newAccountKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

export async function startTestCa(
  settings: Pick<CaRequest, 'externalAccountBinding' | 'reusesAuthorizations'> = {},
): Promise<TestCa> {
  const directory = await mkdtemp(join(tmpdir(), 'sealpost-ca-'));
  const names = await startNameServer('127.0.0.1');
  const ca = await startPebble({ directory, resolver: names.address, report: () => {}, noSleep: true, ...settings });
  const proxy = await startProxy(ca, directory);
  const stopProxy = proxy.stop;
  return Object.assign(proxy, {
    ca,
    names,
    calm() {
      proxy.seen = [];
      proxy.answered = [];
      proxy.fault = () => undefined;
      names.records.clear();
      names.questions.length = 0;
    },
    connect: (options?: Parameters<TestCa['connect']>[0]) =>
      connect({
        directoryUrl: proxy.directoryUrl,
        roots: ca.tlsRoot,
        userAgent: 'sealpost-test',
        accountKey,
        ...options,
      }),
    async stop() {
      stopProxy();
      await ca.stop();
      await names.stop();
      await rm(directory, { recursive: true });
    },
  });
}

/**
 * A clock for a step that waits. A sleep takes 250 ms at most, so that a CA's "Retry-After: 5" is
 * obeyed and takes a twentieth of its time.
 */
export function patience(forMs = 10_000): Patience {
  let time = Date.now();
  const now = () => time;
  const sleep = async (ms: number) => {
    time += ms;
    await pause(Math.min(ms, 250));
  };
  return { deadline: time + forMs, now, sleep };
}

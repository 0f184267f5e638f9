/** A real CA (Pebble) that asks a name server of the test's own, and is reached through a proxy that can do it harm. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../../core/acme/client.ts';
import type { Acme } from '../../../core/acme/client.ts';
import type { Patience } from '../../../core/acme/order.ts';
import { startPebble } from '../../../local/ca/pebble.ts';
import type { Ca } from '../../../local/ca/pebble.ts';
import { startNameServer } from '../dns/name-server.ts';
import type { NameServer } from '../dns/name-server.ts';

/** What befalls a request: an answer instead of the CA's; `lost`: the CA gets it, we never get its answer; `silent`: nothing at all. */
export type Fault = { status: number; headers?: Record<string, string>; body?: unknown } | 'lost' | 'silent';

export interface TestCa {
  ca: Ca;
  names: NameServer;
  /** Of the proxy. */
  directoryUrl: string;
  /** `POST /order-plz` of each request that came to the proxy. */
  seen: string[];
  /** `201 POST /order-plz` of each that the CA answered: it refuses 5 % of good nonces, on purpose, and such a request counts for nothing. */
  answered: string[];
  /** Asked for each request; set by a test, forgotten by `calm`. */
  fault: (line: string) => Fault | undefined;
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

export async function startTestCa(settings: { externalAccountBinding?: Record<string, string> } = {}): Promise<TestCa> {
  const directory = await mkdtemp(join(tmpdir(), 'sealpost-ca-'));
  const names = await startNameServer('127.0.0.1');
  const ca = await startPebble({ directory, resolver: names.address, report: () => {}, noSleep: true, ...settings });
  const pebble = new URL(ca.directoryUrl);
  const tls = { cert: await readFile(join(directory, 'tls.pem')), key: await readFile(join(directory, 'tls.key')) };

  const proxy = createServer(tls, async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    const line = `${incoming.method} ${incoming.url!.replace(/\/[\w-]{16,}.*$/, '/…')}`;
    test.seen.push(line);
    const fault = test.fault(line);
    if (fault === 'silent') return;
    if (typeof fault === 'object')
      return void outgoing.writeHead(fault.status, fault.headers).end(bodyText(fault.body));
    forward(incoming, body, outgoing, { line, isLost: fault === 'lost' });
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));

  function forward(
    incoming: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse,
    { line, isLost }: { line: string; isLost: boolean },
  ) {
    const { method, url: path, headers } = incoming;
    // With the proxy's Host header Pebble makes all its URLs lead through the proxy.
    const sent = request(
      { host: pebble.hostname, port: pebble.port, method, path, headers, ca: ca.tlsRoot },
      answer => {
        test.answered.push(`${answer.statusCode} ${line}`);
        if (isLost) return void outgoing.destroy();
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      },
    );
    sent.on('error', () => outgoing.destroy());
    sent.end(body);
  }

  const directoryUrl = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}/dir`;
  const test: TestCa = {
    ca,
    names,
    directoryUrl,
    seen: [],
    answered: [],
    fault: () => undefined,
    calm() {
      test.seen = [];
      test.answered = [];
      test.fault = () => undefined;
      names.records.clear();
      names.questions.length = 0;
    },
    connect: options =>
      connect({ directoryUrl, roots: ca.tlsRoot, userAgent: 'sealpost-test', accountKey, ...options }),
    async stop() {
      proxy.closeAllConnections();
      proxy.close();
      await ca.stop();
      await names.stop();
      await rm(directory, { recursive: true });
    },
  };
  return test;
}

/** A problem document (RFC 7807) as an answer of a test's own. */
export const problem = (type: string, detail: string, more = {}) => ({
  headers: { 'content-type': 'application/problem+json' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail, ...more },
});

/** Time that passes as fast as it is slept through: a CA's "Retry-After: 5" is obeyed and costs a twentieth. */
export function patience(forMs = 10_000): Patience {
  let time = Date.now();
  const now = () => time;
  const sleep = async (ms: number) => {
    time += ms;
    await pause(Math.min(ms, 250));
  };
  return { deadline: time + forMs, now, sleep };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body ?? '');
}

/** A CA that answers anything: a hostile one, a broken one, or a proxy before it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { connect, csrFor } from '../../core/acme/client.ts';
import { answerChallenges, completeOrder, openOrder, type OrderState } from '../../core/acme/order.ts';
import { readRenewalInfo } from '../../core/acme/renewal-info.ts';
import { inspectChain, newKey } from '../../core/certificate/certificate.ts';
import { isSealpostError } from '../../core/errors.ts';
import { ensureTlsRoot } from '../../local/ca/tls.ts';
import { property, type Property } from './property.ts';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
const NAMES = ['example.com', '*.example.com'];
/** Requests of one step: 13 names have 26 authorizations, and an order is read some times. */
const MOST_REQUESTS = 100;

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    [],
    {},
    '',
    'valid',
    'ready',
    'invalid',
    'pending',
    'x'.repeat(3_000),
    '\x1b[2J\u202e',
  ),
  fc.constantFrom<unknown>(
    'http://127.0.0.1:1/',
    'file:///etc/passwd',
    'https://[::1',
    '//',
    'https://127.0.0.1:1/x',
    '/order',
  ),
);
const fields = [
  'newNonce',
  'newOrder',
  'newAccount',
  'renewalInfo',
  'meta',
  'status',
  'authorizations',
  'finalize',
  'certificate',
  'error',
];
const more = [
  'identifier',
  'wildcard',
  'challenges',
  'type',
  'detail',
  'subproblems',
  'suggestedWindow',
  'explanationURL',
  'replaces',
  '__proto__',
];
const retryAfter = fc.constantFrom(
  '1',
  '99999999999999999999',
  '9'.repeat(400),
  '-1',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  'soon',
  '1e9',
  ' 2 ',
);
const answer = fc.record(
  {
    status: fc.constantFrom(200, 200, 200, 201, 204, 301, 400, 404, 429, 500, 503),
    changes: fc.dictionary(fc.constantFrom(...fields, ...more), odd, { maxKeys: 2 }),
    whole: odd,
    text: fc.string({ unit: 'binary', maxLength: 40 }),
    contentType: fc.constantFrom(
      'application/json',
      'application/problem+json',
      'text/html',
      'application/pem-certificate-chain',
      '',
    ),
    retryAfter,
    dropped: fc.constantFrom('location', 'replay-nonce'),
  },
  { requiredKeys: [] },
);
type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never;
/** By the resource; the others answer as a CA does. */
const script = fc.dictionary(
  fc.constantFrom('dir', 'nonce', 'new-order', 'order', 'authz', 'challenge', 'finalize', 'cert', 'info'),
  fc.record({ answer, from: fc.nat({ max: 2 }) }),
  { maxKeys: 3 },
);

interface Hostile {
  url: string;
  root: string;
  server: Server;
  /** What it answers from now on. */
  script: Record<string, { answer: Answer; from: number }>;
  requests: number;
}

let started: Promise<Hostile> | undefined;
let count = 0;

async function start(): Promise<Hostile> {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-hostile-ca-'));
  const { root } = await ensureTlsRoot(directory);
  const tls = { key: readFileSync(join(directory, 'tls.key')), cert: readFileSync(join(directory, 'tls.pem')) };
  rmSync(directory, { recursive: true });
  const asked: Record<string, number> = {};
  const server = createServer(tls, (request, response) => {
    hostile.requests += 1;
    request.resume();
    const kind = request.url!.split('/')[1]!;
    const usual = usualAnswer(kind, hostile.url);
    asked[request.url!] = (asked[request.url!] ?? -1) + 1;
    const scripted = hostile.script[kind];
    const { status, changes, whole, text, contentType, retryAfter, dropped }: Answer =
      scripted && asked[request.url!]! >= scripted.from ? scripted.answer : {};
    const body = whole === undefined && typeof usual === 'object' ? { ...usual, ...changes } : (whole ?? usual);
    const headers = Object.entries({
      'content-type':
        contentType ?? (typeof usual === 'object' ? 'application/json' : 'application/pem-certificate-chain'),
      'replay-nonce': 'nonce',
      location: `${hostile.url}/order`,
      'retry-after': retryAfter,
    }).filter(([name, value]) => value !== undefined && value !== '' && name !== dropped) as [string, string][];
    response.writeHead(status ?? 200, Object.fromEntries(headers));
    response.end(
      request.method === 'HEAD' ? undefined : (text ?? (typeof body === 'string' ? body : JSON.stringify(body))),
    );
  });
  // It does not keep the process.
  server.listen(0, '127.0.0.1').unref();
  await new Promise(resolve => server.once('listening', resolve));
  const hostile: Hostile = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    root,
    server,
    script: {},
    requests: 0,
  };
  return hostile;
}

function usualAnswer(kind: string, url: string): Record<string, unknown> | string {
  const at = (path: string) => `${url}/${path}`;
  const order = {
    status: 'pending',
    identifiers: [],
    authorizations: [at('authz')],
    finalize: at('finalize'),
    certificate: at('cert'),
  };
  switch (kind) {
    case 'dir':
      return {
        newNonce: at('nonce'),
        newAccount: at('account'),
        newOrder: at('new-order'),
        revokeCert: at('x'),
        renewalInfo: at('info'),
      };
    case 'authz': {
      const challenge = { type: 'dns-01', url: at('challenge'), status: 'pending', token: 'token' };
      return { identifier: { type: 'dns', value: 'example.com' }, status: 'pending', challenges: [challenge] };
    }
    case 'info':
      return { suggestedWindow: { start: '2027-02-01T00:00:00Z', end: '2027-02-02T00:00:00Z' } };
    case 'cert':
      return '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    case 'new-order':
    case 'order':
    case 'finalize':
      return order;
    default:
      return {};
  }
}

const key = newKey();

/** @throws unless the step gave a result, or an error that the state machine knows */
async function foreseen<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    assert.ok(isSealpostError(error), `not foreseen: ${(error as Error)?.stack}`);
    assert.ok(Buffer.byteLength(error.message) <= 2_048);
    assert.doesNotMatch(error.message, /\p{C}/u);
    if (error.retryAt !== undefined)
      assert.ok(error.retryAt >= NOW && error.retryAt <= NOW + 2 * DAY, `retry at ${error.retryAt}`);
    return undefined;
  }
}

export const ca: Property[] = [
  property('whatever a CA answers, each step ends as the state machine knows it, after few requests', {
    runs: 150,
    of: script,
    holds: async answers => {
      const hostile = await (started ??= start());
      hostile.script = answers;
      let time = NOW;
      const patience = { deadline: NOW + 20_000, now: () => time, sleep: async (ms: number) => void (time += ms) };
      // A directory is kept for the life of a process.
      const options = {
        directoryUrl: `${hostile.url}/dir/${count++}`,
        roots: hostile.root,
        userAgent: 'fuzz',
        timeoutMs: 5_000,
      };
      const acme = connect({ ...options, accountKey: key, accountUrl: `${hostile.url}/account` });
      const step = <T>(run: () => Promise<T>) => {
        hostile.requests = 0;
        return foreseen(run).finally(() =>
          assert.ok(hostile.requests <= MOST_REQUESTS, `${hostile.requests} requests`),
        );
      };
      const opened = await step(() => openOrder(acme, { names: NAMES, now: patience.now }));
      const usual: OrderState = {
        url: `${hostile.url}/order`,
        finalize: `${hostile.url}/finalize`,
        status: 'pending',
        names: NAMES,
        challenges: [],
      };
      await step(() => answerChallenges(acme, opened ?? usual, patience));
      time = NOW;
      const csr = await csrFor(NAMES, key);
      const order = { ...(opened ?? usual), status: 'ready' as const };
      const chain = await step(() => completeOrder(acme, order, { csr, firstAttempt: true, ...patience }));
      if (chain !== undefined) await step(async () => inspectChain(chain));
      const info = await step(() => readRenewalInfo(acme, 'id', NOW));
      if (info) {
        assert.ok(info.askAgainAt > NOW && info.askAgainAt <= NOW + DAY);
        if (info.explanation !== undefined) assert.ok(info.explanation.length <= 2_048);
      }
      // What a step hands on is stored by Step Functions, which takes 256 KB.
      if (opened) assert.ok(JSON.stringify(opened).length < 200_000);
    },
  }),
];

/**
 * What goes wrong at a CA. Each row is walked by ca.test.ts: a domain is served, its renewal meets
 * the fault, the fault ends, and the renewal is served.
 */
import { problem, type Fault } from './fault.ts';
import { generateKeyPairSync } from 'node:crypto';
import { DAY, HOUR, MINUTE } from '../../model/universe.ts';
import { leafFor } from '../../model/x509.ts';
import type { Row } from './row.ts';

export interface CaRow {
  what: string;
  /** Called for each request of the renewal. */
  fault: (line: string, times: number) => Fault | undefined;
  /** Absent: the renewal succeeds in spite of the fault, within the same execution. */
  parked?: {
    reason: string;
    /** A part of the message. */
    says?: string;
    /** The next try comes within so many milliseconds. */
    within: number;
  };
  /** The state that meets the fault. */
  state: string;
}

const NEW_ORDER = 'POST /order-plz';
const is = (line: string) => (seen: string) => seen === line;
/** The first request of that line, and no later one. */
const once =
  (line: string, fault: Fault): CaRow['fault'] =>
  (seen, times) =>
    seen === line && times === 1 ? fault : undefined;
const always =
  (line: string | ((seen: string) => boolean), fault: Fault): CaRow['fault'] =>
  seen =>
    (typeof line === 'string' ? is(line) : line)(seen) ? fault : undefined;

const limited = (retryAfter: string): Fault => ({
  status: 429,
  ...problem('rateLimited', 'too many new orders'),
  headers: { 'content-type': 'application/problem+json', 'retry-after': retryAfter },
});
const refusal = (status: number, type: string, more: object = {}): Fault => ({
  status,
  ...problem(type, `the CA says ${type}`, more),
});

const badNonce: Fault = {
  status: 400,
  ...problem('badNonce', 'the nonce is stale'),
  headers: { 'content-type': 'application/problem+json', 'replay-nonce': 'stale' },
};
const END = '-----END CERTIFICATE-----';

function anotherLeaf(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const now = Date.now();
  return leafFor({ serial: 1, names: ['other.example'], publicKey: der, from: now - HOUR, until: now + DAY });
}

/** Each request of a renewal, with the state that makes it. */
const REQUESTS: [string, string, string][] = [
  [NEW_ORDER, 'newOrder', 'CreateOrder'],
  ['POST /authZ/…', 'an authorization', 'CreateOrder'],
  ['POST /chalZ/…', 'our answer to a challenge', 'Validate'],
  ['POST /my-order/…', 'the order that is read', 'Validate'],
  ['POST /finalize-order/…', 'finalize', 'FinalizeOrder'],
  ['POST /certZ/…', 'the certificate', 'FinalizeOrder'],
];

const cut = REQUESTS.flatMap(([line, what, state]): CaRow[] => [
  { what: `The connection is cut before ${what} comes to the CA`, fault: once(line, 'refused'), state },
  { what: `The answer to ${what} is lost`, fault: once(line, 'lost'), state },
]);

const broken = REQUESTS.map(([line, what, state]): CaRow => ({
  what: `The CA answers 503 for ${what}, with an HTML page, for hours`,
  fault: always(line, { status: 503, headers: { 'content-type': 'text/html' }, body: '<html>busy</html>' }),
  state,
  parked: { reason: 'AcmeUnavailable', within: HOUR },
}));

export const caRows: CaRow[] = [
  ...cut,
  ...broken,
  {
    what: 'The limit of new orders is reached, Retry-After is two hours',
    fault: always(NEW_ORDER, limited('7200')),
    state: 'CreateOrder',
    parked: { reason: 'AcmeRateLimited', says: 'too many new orders', within: 2 * HOUR + MINUTE },
  },
  {
    what: 'The limit of new orders is reached, Retry-After is a date tomorrow',
    fault: seen => (seen === NEW_ORDER ? limited(new Date(Date.now() + 20 * HOUR).toUTCString()) : undefined),
    state: 'CreateOrder',
    parked: { reason: 'AcmeRateLimited', within: DAY + MINUTE },
  },
  {
    what: 'The limit of new orders is reached, Retry-After is a century',
    fault: always(NEW_ORDER, limited('3155760000')),
    state: 'CreateOrder',
    parked: { reason: 'AcmeRateLimited', within: DAY + MINUTE },
  },
  {
    what: 'The CA is busy, and Retry-After has thirty digits',
    fault: always(NEW_ORDER, { status: 503, headers: { 'retry-after': '9'.repeat(30) }, body: '' }),
    state: 'CreateOrder',
    parked: { reason: 'AcmeUnavailable', within: DAY + MINUTE },
  },
  {
    what: 'The CA gives no answer to newOrder at all',
    fault: always(NEW_ORDER, 'silent'),
    state: 'CreateOrder',
    parked: { reason: 'AcmeUnavailable', says: 'no answer within', within: DAY },
  },
  {
    what: 'An HTML page with the status 200 comes in place of the order',
    fault: always(NEW_ORDER, { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hello</html>' }),
    state: 'CreateOrder',
    parked: { reason: 'AcmeUnavailable', says: 'Location', within: DAY },
  },
  {
    what: 'The CA forbids one of two names, with subproblems',
    fault: always(
      NEW_ORDER,
      refusal(400, 'rejectedIdentifier', {
        subproblems: [
          {
            ...{ type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'on the block list' },
            identifier: { type: 'dns', value: 'blocked.example' },
          },
        ],
      }),
    ),
    state: 'CreateOrder',
    parked: { reason: 'AcmeRejected', says: 'blocked.example: on the block list', within: DAY },
  },
  {
    what: 'The CA does not know the account any more',
    fault: once(NEW_ORDER, refusal(400, 'accountDoesNotExist')),
    state: 'CreateOrder',
  },
  {
    what: 'The CA has deactivated the account',
    fault: always(NEW_ORDER, refusal(401, 'unauthorized')),
    state: 'CreateOrder',
    parked: { reason: 'IssuerUnusable', says: 'does not take our account', within: DAY },
  },
  {
    what: 'The CA wants agreement to new terms',
    fault: always(NEW_ORDER, refusal(403, 'userActionRequired')),
    state: 'CreateOrder',
    parked: { reason: 'IssuerUnusable', within: DAY },
  },
  {
    what: 'The CA refuses the public key',
    fault: once('POST /finalize-order/…', refusal(400, 'badPublicKey')),
    state: 'FinalizeOrder',
    parked: { reason: 'AcmeRejected', says: 'badPublicKey', within: DAY },
  },
  {
    what: 'The CA refuses the CSR',
    fault: once('POST /finalize-order/…', refusal(400, 'badCSR')),
    state: 'FinalizeOrder',
    parked: { reason: 'AcmeRejected', says: 'badCSR', within: DAY },
  },
  {
    what: 'The order is gone between two steps',
    fault: seen => (/^POST \/(my|finalize)-order/.test(seen) ? { status: 404, body: '' } : undefined),
    state: 'Validate',
    parked: { reason: 'AcmeRejected', within: DAY },
  },
  {
    what: 'The CA fails inside itself (serverInternal)',
    fault: always('POST /finalize-order/…', refusal(500, 'serverInternal')),
    state: 'FinalizeOrder',
    parked: { reason: 'AcmeUnavailable', within: DAY },
  },
  {
    what: 'The order is expired between two steps',
    fault: always('POST /my-order/…', {
      edit: text =>
        JSON.stringify({ ...JSON.parse(text), status: 'invalid', error: { detail: 'the order has expired' } }),
    }),
    state: 'Validate',
    parked: { reason: 'ChallengeFailed', says: 'the order has expired', within: DAY },
  },
  {
    what: 'The CA is still at work on the order, for hours',
    fault: always('POST /my-order/…', { edit: text => JSON.stringify({ ...JSON.parse(text), status: 'processing' }) }),
    state: 'FinalizeOrder',
    parked: { reason: 'AuthorizationPending', within: DAY },
  },
  {
    what: 'Nine of ten nonces are refused',
    fault: (seen, times) => (seen.startsWith('POST') && times % 10 !== 0 ? badNonce : undefined),
    state: 'CreateOrder',
    parked: { reason: 'AcmeUnavailable', says: 'badNonce', within: HOUR },
  },
  {
    what: 'A certificate for another key and other names comes',
    fault: always('POST /certZ/…', { edit: () => anotherLeaf() }),
    state: 'FinalizeOrder',
    parked: { reason: 'CertificateUnusable', says: 'the private key does not match the leaf', within: DAY },
  },
  {
    what: 'The chain comes without its intermediate',
    fault: always('POST /certZ/…', { edit: text => text.slice(0, text.indexOf(END) + END.length + 1) }),
    state: 'FinalizeOrder',
    parked: { reason: 'CertificateUnusable', says: 'the leaf came without its intermediate', within: DAY },
  },
  {
    what: 'The chain leads to another root',
    fault: always('POST /certZ/…', { edit: text => text.slice(0, text.indexOf(END) + END.length + 1) + anotherLeaf() }),
    state: 'FinalizeOrder',
    parked: { reason: 'CertificateUnusable', says: 'is not signed by the one after it', within: DAY },
  },
  {
    what: 'The chain is wrapped oddly: one line, CRLF, text between the certificates',
    fault: always('POST /certZ/…', {
      edit: text => `subject=\r\n${text.replace(/(?<=[\w+/=])\n(?!-)/g, '').replaceAll('\n', '\r\n')}`,
    }),
    state: 'FinalizeOrder',
  },
  {
    what: 'A page without a certificate comes in place of the chain',
    fault: always('POST /certZ/…', { edit: () => '<html>hello</html>' }),
    state: 'FinalizeOrder',
    parked: { reason: 'CertificateUnusable', says: 'no certificate in it', within: DAY },
  },
];

/** The rows as docs/failures.md shows them. */
export const rows: Row[] = caRows.map(({ what, parked, state }) => ({
  where: 'CA',
  what,
  road: parked ? `${state}, its retries, then ParkDomain` : `${state}, once more`,
  stored: parked ? 'the certificate of before; the reason and the next try' : 'the new certificate',
  served: parked ? 'the certificate of before' : 'the new certificate',
  seen: parked ? `Domain Parked, ${parked.reason}` : 'nothing',
  ends: parked ? 'the next try renews' : 'by itself, in the same execution',
  test: { file: 'test/failures/ca.test.ts', name: what },
}));

import { describe, expect, test } from 'vitest';
import { authorizationIn, chainIn, directoryIn, locationIn, orderIn } from '../../../core/acme/answers.ts';
import { AcmeProblem, asSealpostError, retryAt } from '../../../core/acme/problem.ts';

const url = 'https://ca.example/x';
const answer = (data: unknown, headers = {}) => ({ url, status: 200, headers, data });
const order = { status: 'pending', identifiers: [], authorizations: [url], finalize: url };
const challenge = { type: 'dns-01', url, status: 'pending', token: 't' };
const authorization = { identifier: { type: 'dns', value: 'example.com' }, status: 'pending', challenges: [challenge] };
const directory = { newNonce: url, newAccount: url, newOrder: url, revokeCert: url };
const asOrder = (data: unknown) => orderIn(answer(data), url);
const asAuthorization = (data: unknown) => authorizationIn(answer(data));

describe('what a CA answers is taken as', () => {
  test('an order, without fields that are odd and not needed', () => {
    expect(asOrder({ ...order, error: 'x', more: 1 })).toEqual({ ...order, url });
  });

  test('an authorization, without challenges of another form', () => {
    const challenges = [{ type: 'new-01' }, 7, challenge];
    expect(asAuthorization({ ...authorization, challenges })).toEqual(authorization);
  });

  test('a directory, whose odd identities are left out', () => {
    expect(directoryIn(answer({ ...directory, meta: { caaIdentities: 'x' }, renewalInfo: 3 }))).toEqual({
      ...{ ...directory, meta: {} },
    });
  });
});

describe('is no answer, so that the step is tried again:', () => {
  test.each<[string, () => unknown, string]>([
    ["a proxy's page", () => asOrder('<html>'), 'is not an order'],
    ['an order of a kind that is none', () => asOrder({ ...order, status: 'x' }), 'status is missing or odd'],
    ['an order without authorizations', () => asOrder({ ...order, authorizations: null }), 'authorizations'],
    ['400 authorizations', () => asOrder({ ...order, authorizations: Array(400).fill(url) }), 'authorizations'],
    ['an order that leads elsewhere', () => asOrder({ ...order, finalize: 'file:///etc/passwd' }), 'finalize'],
    ['an authorization without challenges', () => asAuthorization({ ...authorization, challenges: 1 }), 'challenges'],
    ['a chain that is JSON', () => chainIn(answer({})), 'is not a certificate'],
    ['a directory without its places', () => directoryIn(answer({})), 'is not an ACME directory: newNonce'],
    ['a Location that is no URL', () => locationIn(answer('', { location: 'http://[' })), 'without a Location'],
  ])('%s', (_, read, why) => {
    expect(read).toThrow(expect.objectContaining({ name: 'AcmeTransport' }));
    expect(read).toThrow(why);
  });
});

test.each([
  { detail: { a: 1 } },
  { type: 7 },
  { subproblems: 'x' },
  { subproblems: [1] },
  { identifier: 'x' },
  [],
  null,
])('a problem document with %j is the error of its status', data => {
  const error = asSealpostError(new AcmeProblem({ ...answer(data), status: 403 }), 'example.com', 0);
  expect(error).toMatchObject({ name: 'AcmeRejected', message: expect.stringContaining('HTTP 403') });
});

test.each(['99999999999999999999', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
  'a Retry-After of %s is a day',
  header => {
    expect(retryAt(header, 1_000)).toBe(86_401_000);
  },
);

/** What must never stand in a file that is published. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact } from '../../prove/redact.ts';

const uuid = '3f2c1a90-1b2c-4d5e-8f90-a1b2c3d4e5f6';
const pem = `-----BEGIN ${'PRIVATE'} KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END ${'PRIVATE'} KEY-----`;
const planted: [what: string, text: string, left: string][] = [
  ['an account id', 'arn:aws:iam::123456789012:root', 'arn:aws:iam::<account>:root'],
  ['an account id in a URL', 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead', '<url>'],
  ['an access key', 'AKIAIOSFODNN7EXAMPLE', '<key id>'],
  ['a session key', 'ASIAIOSFODNN7EXAMPLE', '<key id>'],
  ["a role's unique id", 'AROAEXAMPLEEXAMPLE123:i-0abc0000000000000', '<unique id>:<node>'],
  ['a role', 'arn:aws:iam::123456789012:role/team/Payroll-Admin', 'arn:aws:iam::<account>:role/<role>'],
  ['a private key', pem, '<pem>'],
  ['a private key that is cut', pem.slice(0, 40), '<pem>'],
  ['a secret access key', `key ${'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00'}`, 'key <opaque>'],
  ['a session token', `${'IQoJb3JpZ2luX2VjE'.repeat(8)}==`, '<opaque>'],
  ['an id of a request', uuid, '<uuid>'],
  ['a node', 'mi-0123456789abcdef0 and i-0123abcd', '<node> and <node>'],
  ['an address', 'from 192.0.2.7 and 2001:db8:0:1::7', 'from <address> and <address>'],
  ['a mail address', 'mailto:person@provider.example', 'mailto:<mail address>'],
  ['a moment', 'at 2026-12-01T11:46:33.123Z', 'at <time>'],
  ['a hosted zone', '/hostedzone/Z0123456789ABCDEFGHIJ', '/hostedzone/<zone id>'],
  ['a hash', 'a'.repeat(64), '<hash>'],
];

describe('redact takes out', () => {
  test.each(planted)('%s', (_what, text, left) => {
    expect(redact(text)).toBe(left);
    expect(redact({ at: [{ any: { depth: text } }] })).toEqual({ at: [{ any: { depth: left } }] });
    expect(redact({ [text]: true })).toEqual({ [left]: true });
  });

  test.each(['taskToken', 'NextToken', 'SecretAccessKey', 'PrivateKey', 'hmacKey', 'input', 'Payload', 'Variables'])(
    'whatever the member %s has',
    name => {
      expect(redact({ [name]: 'short' })).toEqual({ [name]: '<withheld>' });
      expect(redact({ [name]: { inside: ['short'] } })).toEqual({ [name]: '<withheld>' });
      expect(redact({ [name]: 7 })).toEqual({ [name]: '<withheld>' });
    },
  );

  test("a person's own names, the longest first", () => {
    const known = { sealpost: 'stack', 'mx1.sealpost.example': 'server', '': 'nothing' };
    expect(redact('sealpost-deliver for mx1.sealpost.example', known)).toBe('<stack>-deliver for <server>');
  });

  test('dates, bytes, and account ids and moments that are numbers', () => {
    const given = { at: new Date(), raw: new Uint8Array([1, 2]), account: 123456789012, ms: 1_764_590_000_000, n: 3 };
    expect(redact(given)).toEqual({ at: '<time>', raw: '<bytes>', account: '<account>', ms: '<time>', n: 3 });
  });
});

test('redact keeps what tells two answers apart', () => {
  const kept = { Status: 'Failed', error: 'InvalidToken', list: [null, true, 7], Sid: 'OnlyOurRolesSpeakAsSealpost' };
  expect(redact({ ...kept, left: undefined })).toEqual(kept);
});

test('no text around a secret hides the secret, and what is redacted stays as it is', () => {
  const secrets = ['123456789012', 'AKIAIOSFODNN7EXAMPLE', pem, 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00'];
  const around = fc.string({ unit: fc.constantFrom(' ', '"', '\n', ',', '(', ':', '{', "'") });
  fc.assert(
    fc.property(around, fc.constantFrom(...secrets), around, (before, secret, after) => {
      const once = redact(`${before} ${secret} ${after}`);
      expect(once).not.toContain(secret);
      expect(redact(once)).toEqual(once);
    }),
  );
});

import { describe, expect, test } from 'vitest';
import { parseIssuers, type ConfiguredIssuer } from '../../../core/acme/issuer.ts';
import { issuersPattern } from '../../../lib/issuer-setting.ts';

const customer = { contact: [], termsAgreed: true, roots: '', userAgent: 'test', parameters: '/sealpost/issuers' };
const parse = (setting: unknown) => parseIssuers(JSON.stringify(setting), customer);
/** CloudFormation checks the parameter with this pattern before it changes anything. */
const isTaken = (text: string) => new RegExp(`^(?:${issuersPattern})$`).test(text);
const letsEncrypt = { name: 'letsencrypt', directory: 'https://acme-v02.api.letsencrypt.org/directory' };
const staging = { name: 'trial', directory: 'https://acme-staging-v02.api.letsencrypt.org/directory' };
const other = { name: 'zerossl', directory: 'https://acme.zerossl.com/v2/DV90' };

describe('the setting Issuers', () => {
  test('gives the issuers in order, each with its own parameters, and the limits that are known', () => {
    const issuers = parse([
      { ...letsEncrypt, profile: 'tlsserver' },
      { ...other, externalAccount: true },
    ]);
    expect(issuers).toMatchObject([
      { name: 'letsencrypt', profile: 'tlsserver', staging: false, limits: { account: { count: 300 } } },
      { name: 'zerossl', staging: false, limits: {} },
    ]);
    expect(issuers.map(({ keyParameter }) => keyParameter)).toEqual([
      '/sealpost/issuers/letsencrypt/account-key',
      '/sealpost/issuers/zerossl/account-key',
    ]);
    expect(issuers.map(one => one.externalAccountParameter)).toEqual([
      undefined,
      '/sealpost/issuers/zerossl/external-account',
    ]);
  });

  test("recognises Let's Encrypt's staging by its directory, and any other by its field staging", () => {
    expect(parse([staging])[0]).toMatchObject({ staging: true, limits: { exactSet: { count: 30_000 } } });
    expect(parse([{ ...other, staging: true }])[0]!.staging).toBe(true);
    expect(parse([{ ...staging, staging: false }])[0]!.staging).toBe(false);
  });

  test('may have a limit that the CA has raised, with its source; the other limits stay', () => {
    const [{ limits }] = parse([
      { ...letsEncrypt, limits: { account: '1500 in 3 h', source: 'a mail of 2026-11-01' } },
    ]) as [any];
    expect(limits.account).toEqual({ count: 1500, windowMs: 10_800_000, source: 'a mail of 2026-11-01' });
    expect(limits.exactSet.count).toBe(5);
  });

  test.each([
    [[], 'names none'],
    [[letsEncrypt, { ...other, name: 'letsencrypt' }], 'has letsencrypt twice'],
    [[letsEncrypt, { ...letsEncrypt, name: 'again' }], 'twice; an account and its limits belong to one'],
    [[{ ...letsEncrypt, profil: 'x' }], 'cannot be read'],
    [[{ ...letsEncrypt, limits: { account: '300' } }], 'has the limit "300"; give e.g.'],
  ])('%j is an error that says why', (setting, why) => expect(() => parse(setting)).toThrow(why));
});

describe('the template accepts', () => {
  /** Every option. An option that is missing here does not compile. */
  const full: Required<ConfiguredIssuer> = {
    ...letsEncrypt,
    profile: 'tlsserver',
    staging: false,
    externalAccount: true,
    limits: {
      account: '300 in 3 h',
      registeredDomain: '50 in 7 d',
      exactSet: '5 in 7 d',
      source: 'a page, 2026-08-05',
    },
  };
  test.each([[[letsEncrypt]], [[letsEncrypt, other]], [[full]]])('%j', setting => {
    for (const text of [JSON.stringify(setting), JSON.stringify(setting, undefined, 2)])
      expect(isTaken(text)).toBe(true);
    expect(parse(setting)).toHaveLength(setting.length);
  });

  test.each([
    ['', 'nothing'],
    ['[]', 'no issuer'],
    ['letsencrypt', 'no JSON'],
    ['[{"name":"a"}]', 'an issuer without a directory'],
    ['[{"name":"a","directory":"http://a.example/dir"}]', 'a directory without TLS'],
    ['[{"name":"A b","directory":"https://a.example/dir"}]', 'a name that cannot be part of a path'],
    ['[{"name":"a/../b","directory":"https://a.example/dir"}]', 'a name that leaves the path'],
    ['[{"name":"a","directory":"https://a.example/dir","stagin":true}]', 'an unknown field'],
    ['[{"name":"a","directory":"https://a.example/dir","staging":"yes"}]', 'a text in place of a boolean'],
    ['[{"name":"a","directory":"https://a.example/dir","limits":{"account":"300"}}]', 'a limit without a time span'],
    ['[{"name":"a","directory":"https://a.example/dir"},]', 'a comma too many'],
  ])('not %s: %s', text => expect(isTaken(text)).toBe(false));
});

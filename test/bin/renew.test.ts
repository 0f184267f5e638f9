import { describe, expect, test } from 'vitest';
import type { Environment, Here } from '../../bin/here.ts';
import { mustAgree, renew, renewAll } from '../../bin/renew.ts';
import { parseLimit } from '../../core/record/limits.ts';
import type { Renewed, RenewRequest } from '../../core/renewal/renew.ts';

test('a renewal of many goes on until there is no more, and counts', async () => {
  const parts: Renewed[] = [
    { asked: ['a.example', 'b.example'], already: [], after: 'b' },
    { asked: [], already: ['c.example'], after: 'c' },
    { asked: ['d.example'], already: [] },
  ];
  const requests: RenewRequest[] = [];
  const said: string[] = [];
  const { text: closing, data } = await renewAll(
    { server: 'mx1.provider.example' },
    async request => {
      requests.push(request);
      return parts.shift()!;
    },
    { say: line => said.push(line), progress: line => said.push(line) },
  );
  expect(requests).toEqual(
    [{}, { after: 'b' }, { after: 'c' }].map(more => ({ server: 'mx1.provider.example', ...more })),
  );
  expect(closing).toMatch(/^3 to be renewed, at once and not in the quiet hour; 1 were just now\./);
  expect(data).toEqual({ asked: ['a.example', 'b.example', 'd.example'], already: ['c.example'] });
  expect(said.join('\n')).toMatch(/^c\.example was renewed within the last hour because somebody asked/m);
});

test('a renewal says what a try costs at the CA, and which domains are not tried now', async () => {
  const nextTry = Date.UTC(2027, 0, 15, 9, 30);
  const held = [{ domain: 'b.example', nextTry, reason: 'ChallengeFailed' as const, message: 'no TXT record found' }];
  const said: string[] = [];
  const { text, data } = await renewAll(
    { all: true },
    async () => ({ asked: ['a.example'], already: [], counted: [{ domain: 'a.example', left: 2 }], held }),
    { say: line => said.push(line), progress: () => {} },
  );
  expect(said.join('\n')).toMatch(
    /^a\.example failed at the CA before: .* 5 failed validations .*; 2 more can be asked/m,
  );
  expect(said.join('\n')).toMatch(
    /^b\.example .* not tried now, .* one an hour .* at 2027-01-15T09:30:00\.000Z\. Challenge/m,
  );
  expect(text).toMatch(/^1 to be renewed, .*; 1 not before their next try\./);
  expect(data).toEqual({ asked: ['a.example'], already: [], held });
});

describe('a renewal of all', () => {
  const spec = { mailServers: ['mx1.provider.example'], policy: 'wildcard' };
  const domains = ['a.example', 'b.example', 'c.example'].map(domain => ({ domain, spec: { ...spec, domain } }));
  const gone = { domain: 'd.example', spec: { ...spec, domain: 'd.example', mailServers: [], deleted: true } };
  const work = new Map([
    ['b.example', { domain: 'b.example', certificate: 'c' }],
    ['d.example', { domain: 'd.example', certificate: 'REMOVE' }],
  ]);
  const installed = new Map(['a.example', 'b.example', 'd.example'].map(domain => [domain, { domain }]));
  const known = {
    domains: [...domains, gone],
    servers: new Map([['mx1.provider.example', { work, installed }]]),
    issuers: [],
  };
  const here = {
    environment: async () =>
      ({
        store: async () => ({ all: async () => known, ofServer: async () => ({ ...known, domains: [] }) }),
        importing: async () => ({ issuer: { name: 'ca', limits: { account: parseLimit('1 in 1 h') } } }),
        renew: async () => {
          throw new Error('it was not agreed');
        },
      }) as unknown as Environment,
  } as Here;

  test('is counted by `sealpost renew --all --dry-run` in orders, hours and dollars, and not begun', async () => {
    const { text, data } = await renew(here, { all: true, 'dry-run': true });
    expect(text).toMatch(/^At most 3 orders, \d+ h by the limits of ca, 0\.00 dollars .* Nothing was renewed\.$/);
    expect(data).toMatchObject({ orders: 3, issuer: 'ca', transitions: 33 });
  });

  test('of one server counts what is there and what is to come, and not what leaves', async () => {
    const { data } = await renew(here, { server: 'mx1.provider.example', 'dry-run': true });
    expect(data).toMatchObject({ orders: 2 });
  });

  test('is not begun where nobody can be asked', async () => {
    await expect(mustAgree(undefined)).rejects.toMatchObject({ name: 'NotAgreed', exitCode: 2 });
  });

  test.each(['', 'n', 'no', 'yellow'])('is not begun by the answer %j', async answer => {
    await expect(mustAgree(async () => answer)).rejects.toThrow('Nothing was renewed.');
  });

  test.each(['y', 'Yes', ' y '])('is begun by the answer %j', async answer => {
    await expect(mustAgree(async () => answer)).resolves.toBeUndefined();
  });
});

import { expect, test } from 'vitest';
import { renewAll } from '../../bin/renew.ts';
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

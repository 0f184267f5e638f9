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

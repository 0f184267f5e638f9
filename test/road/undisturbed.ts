import { describe, expect, it } from 'vitest';
import { checkConnections } from '../../local/table.ts';
import { firstSeen } from './installed.ts';
import { road } from './provider.ts';

describe('other customers are not disturbed', () => {
  it("a neighbour's certificates are the same after all deliveries for others", async () => {
    const now = await checkConnections(
      road.provider,
      firstSeen.map(({ seen: _, ...connection }) => connection),
    );
    expect(now).toEqual(firstSeen);
  });

  it('a session that was idle before the first delivery still answers', async () => {
    expect(await road.idle.ask('DONE', /^c /)).toMatch(/^c OK/);
    expect(await road.idle.ask('d NOOP', /^d /)).toMatch(/^d OK/);
  });
});

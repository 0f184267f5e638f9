import { beforeAll, describe, expect, it } from 'vitest';
import { delegationLine } from '../../core/dns/challenge-place.ts';
import { CHALLENGE_ZONE } from '../../local/provider/provider.ts';
import { customer, put, road } from './provider.ts';

/** Has neither a zone nor a line of ours; its owner puts the line in once told. */
export const UNMANAGED = 'unmanaged.test';
/** Names a server that nobody has registered yet. */
export const EARLY = 'early.test';

describe('a domain that cannot be secured yet waits with its reason', () => {
  beforeAll(async () => {
    const [unmanaged] = await put(road.provider, 'Domain Created', [
      { domain: UNMANAGED, mailServers: [road.mx1.hostName] },
    ]);
    const [early] = await put(road.provider, 'Domain Created', [{ domain: EARLY, mailServers: ['mx2.provider.test'] }]);
    for (const id of [unmanaged, early]) expect((await road.history.ended(id!)).status).toBe('SUCCEEDED');
  }, 120_000);

  it('without a zone or a CNAME it is told the line that cures it', async () => {
    const { parked, owner } = (await road.store.readDomain(UNMANAGED))!;
    expect(owner).toBeUndefined();
    expect(parked!.reason).toBe('DomainNotManaged');
    expect(parked!.message).toContain(delegationLine(UNMANAGED, { name: CHALLENGE_ZONE }));
    const { detail } = await road.bus.heard('Domain Parked', { domain: UNMANAGED });
    expect(detail).toMatchObject({ reason: 'DomainNotManaged', message: parked!.message, remedy: 'park' });
    // The line is put in; healed.ts looks what came of it.
    await customer(UNMANAGED);
  });

  it('with a server that nobody registered it names the server', async () => {
    const { parked, order } = (await road.store.readDomain(EARLY))!;
    expect(parked!.reason).toBe('ServerNotRegistered');
    expect(parked!.message).toContain('mx2.provider.test not registered');
    expect(order).toBeUndefined();
    await road.bus.heard('Domain Parked', { domain: EARLY, reason: 'ServerNotRegistered' });
  });
});

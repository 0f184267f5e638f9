import { beforeAll, describe, expect, it } from 'vitest';
import { delegationLine } from '../../core/dns/challenge-place.ts';
import { CHALLENGE_ZONE } from '../../local/provider/provider.ts';
import { customer, put, road } from './provider.ts';

/**
 * This domain has neither a zone nor a CNAME of ours; its owner adds the CNAME once the park says
 * so.
 */
export const UNMANAGED = 'unmanaged.test';
/** This domain names a server that is not registered yet. */
export const EARLY = 'early.test';

describe('a domain that cannot be secured yet is parked with its reason', () => {
  beforeAll(async () => {
    const [unmanaged] = await put(road.provider, 'Domain Created', [
      { domain: UNMANAGED, mailServers: [road.mx1.hostName] },
    ]);
    const [early] = await put(road.provider, 'Domain Created', [{ domain: EARLY, mailServers: ['mx2.provider.test'] }]);
    for (const id of [unmanaged, early]) expect((await road.history.ended(id!)).status).toBe('SUCCEEDED');
  }, 120_000);

  it('without a zone or a CNAME: the message has the line to add', async () => {
    const { parked, owner } = (await road.store.readDomain(UNMANAGED))!;
    expect(owner).toBeUndefined();
    expect(parked!.reason).toBe('DomainNotManaged');
    expect(parked!.message).toContain(delegationLine(UNMANAGED, { name: CHALLENGE_ZONE }));
    const { detail } = await road.bus.heard('Domain Parked', { domain: UNMANAGED });
    expect(detail).toMatchObject({ reason: 'DomainNotManaged', message: parked!.message, remedy: 'park' });
    // The CNAME is added; healed.ts checks the result.
    await customer(UNMANAGED);
  });

  it('with a server that is not registered: the message names the server', async () => {
    const { parked, order } = (await road.store.readDomain(EARLY))!;
    expect(parked!.reason).toBe('ServerNotRegistered');
    expect(parked!.message).toContain('mx2.provider.test not registered');
    expect(order).toBeUndefined();
    await road.bus.heard('Domain Parked', { domain: EARLY, reason: 'ServerNotRegistered' });
  });
});

import { describe, expect, it } from 'vitest';
import { until, untilInstalled } from '../../local/provider/panel.ts';
import { customer, put, road } from './provider.ts';

const DOMAIN = 'disordered.test';

describe('events that come twice, out of order, and during an execution', () => {
  it('end in the last wish, with one order and one certificate', async () => {
    const wish = await customer(DOMAIN);
    const last = { ...wish, version: 2 };
    const first = { ...wish, policy: 'list', names: ['mail'], version: 1 };
    const say = (detailType: string, ...details: object[]) => put(road.provider, detailType, details);
    await say('Domain Changed', last);
    const known = () => road.store.readDomain(DOMAIN);
    await until(`${DOMAIN} being worked on`, 30, async () => (await known())?.owner !== undefined);
    await say('Domain Created', first, first);
    await say('Certificate Expiring', { domain: DOMAIN });
    await say('Domain Changed', last, last);
    await untilInstalled(road.store, { domain: DOMAIN, server: road.mx1.hostName });
    await say('Domain Created', first);
    await road.history.untilQuiet();
    await road.bus.heard('Certificate Issued', { domain: DOMAIN });

    const { spec, current, owner, wanted, done } = (await known())!;
    expect(spec).toMatchObject({ ...wish, policy: 'wildcard' });
    expect(current!.names).toEqual([DOMAIN, `*.${DOMAIN}`]);
    expect({ owner, done }).toEqual({ owner: undefined, done: wanted });
    expect(await road.history.orders(DOMAIN)).toHaveLength(1);
    const issued = road.bus.facts.filter(fact => fact['detail-type'] === 'Certificate Issued');
    expect(issued.filter(({ detail }) => detail.domain === DOMAIN)).toHaveLength(1);
    expect((await road.store.installed({ server: road.mx1.hostName, domain: DOMAIN }))!.fingerprint).toBe(
      current!.fingerprint,
    );
  }, 120_000);
});

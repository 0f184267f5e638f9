/**
 * Domains just created: the zone, or the CNAME in the customer's zone, is made in the same second
 * as the event. None of them may have to wait for the sweep.
 */
import { beforeAll, expect, it } from 'vitest';
import { hostZone, untilInstalled } from '../../local/provider/panel.ts';
import { customer, put, road } from './provider.ts';

const OURS = Array.from({ length: 5 }, (_, i) => `young${i}.test`);
const DELEGATED = Array.from({ length: 5 }, (_, i) => `new${i}.test`);

/** Milliseconds from the event to the handshake that saw the certificate, for each domain. */
export const young: number[] = [];

export function youngSuite(): void {
  const domains = [...OURS, ...DELEGATED];
  beforeAll(async () => {
    const { hostName, address } = road.mx1;
    const sent = Date.now();
    await Promise.all([
      put(
        road.provider,
        'Domain Created',
        domains.map(domain => ({ domain, mailServers: [hostName] })),
      ),
      ...OURS.map(domain => hostZone(road.provider, { domain, address })),
      ...DELEGATED.map(domain => customer(domain)),
    ]);
    for (const domain of domains) {
      await untilInstalled(road.store, { domain, server: hostName }, 180);
      young.push((await road.store.installed({ server: hostName, domain }))!.seenAt - sent);
    }
    await road.history.untilQuiet();
  }, 300_000);

  it.each(domains)('%s is secured by the execution that its event started', async domain => {
    const about = (await road.history.about(domain)).filter(({ machine }) => machine === 'SecureDomain');
    expect(about.map(({ status }) => status)).toEqual(['SUCCEEDED']);
    expect(await road.history.orders(domain)).toHaveLength(1);
  });
}

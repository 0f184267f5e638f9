import { describe, expect, it } from 'vitest';
import { addMailServer, untilInstalled } from '../../local/provider/panel.ts';
import { checkConnections, connections } from '../../local/table.ts';
import { entered, orders } from './history.ts';
import { EARLY, UNMANAGED } from './parked.ts';
import { customer, put, road } from './provider.ts';

describe('a domain that was parked', () => {
  it('for its server continues by itself once the server is registered', async () => {
    const mx2 = await addMailServer(road.provider, 'mx2');
    await customer(EARLY, mx2);
    const [id] = await put(road.provider, 'Mail Server Registered', [
      { server: mx2.hostName, node: road.provider.hosts.get('mx2')!.nodeId, adopt: true },
    ]);
    expect(JSON.parse((await road.history.ended(id!)).output!).woken).toEqual([mx2.hostName, EARLY]);
    await untilInstalled(road.store, { domain: EARLY, server: mx2.hostName });
    expect((await road.store.readDomain(EARLY))!.parked).toBeUndefined();
    const rows = await checkConnections(road.provider, connections(mx2.hostName, [EARLY]));
    expect(rows.filter(row => !row.seen.trusted).map(row => `${row.name} ${row.port} ${row.seen.reason}`)).toEqual([]);
  }, 180_000);

  it('for its CNAME is secured by the next sweep after its next try', async () => {
    await untilInstalled(road.store, { domain: UNMANAGED, server: road.mx1.hostName }, 180);
    expect((await road.store.readDomain(UNMANAGED))!.parked).toBeUndefined();
    const executions = await road.history.about(UNMANAGED);
    const roads = await Promise.all(executions.map(({ executionArn }) => road.history.events(executionArn!)));
    const good = executions.filter((_, i) => entered(roads[i]!).includes('FinalizeOrder'));
    expect(good.map(({ name }) => name!.replace(/-.*/, ''))).toEqual(['due']);
    const rows = await checkConnections(road.provider, connections(road.mx1.hostName, [UNMANAGED]));
    expect(rows.filter(row => !row.seen.trusted)).toEqual([]);
  }, 200_000);

  it('is not the reason for another order: the CA has the orders of the histories and no others', async () => {
    await road.history.untilQuiet();
    const executions = await road.history.executions(['SecureDomain']);
    const histories = await Promise.all(executions.map(({ executionArn }) => road.history.events(executionArn!)));
    const told = new Set(histories.flatMap(orders).map(url => url.replace(/^.*\//, '')));
    expect([...(await road.ordersAtCa())].sort()).toEqual([...told].sort());
  });
});

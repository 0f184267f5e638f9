import { describe, expect, it } from 'vitest';
import { untilInstalled } from '../../local/road.ts';
import { connections, lookAtAll } from '../../local/table.ts';
import { entered, orders } from './history.ts';
import { UNMANAGED } from './parked.ts';
import { road } from './provider.ts';

describe('what time heals', () => {
  it('a parked domain whose line was put in is secured by the next sweep after its next try', async () => {
    await untilInstalled(road.store, UNMANAGED, road.mx1.hostName, 180);
    expect((await road.store.readDomain(UNMANAGED))!.parked).toBeUndefined();
    const executions = await road.history.about(UNMANAGED);
    const roads = await Promise.all(executions.map(({ executionArn }) => road.history.events(executionArn!)));
    const good = executions.filter((_, i) => entered(roads[i]!).includes('FinalizeOrder'));
    expect(good.map(({ name }) => name!.replace(/-.*/, ''))).toEqual(['due']);
    const rows = await lookAtAll(road.provider, connections(road.mx1.hostName, [UNMANAGED]));
    expect(rows.filter(row => !row.seen.trusted)).toEqual([]);
  }, 200_000);

  it('the CA has seen just the orders that the histories tell of', async () => {
    await road.history.untilQuiet();
    const executions = await road.history.executions(['SecureDomain']);
    const histories = await Promise.all(executions.map(({ executionArn }) => road.history.events(executionArn!)));
    const told = new Set(histories.flatMap(orders).map(url => url.replace(/^.*\//, '')));
    expect([...(await road.ordersAtCa())].sort()).toEqual([...told].sort());
  });
});

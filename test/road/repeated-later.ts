import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { DomainRecord } from '../../core/record/domain.ts';
import { until } from '../../local/provider/panel.ts';
import { orders } from './history.ts';
import { customer, put, road } from './provider.ts';
import { chains, DOMAIN, issued, sent } from './repeated.ts';

/**
 * Other topics run between repeated.ts and this topic, and the first minute after the issue passes
 * meanwhile.
 */
describe('the same event more than once', () => {
  it('changes nothing if it comes fifty more times', async () => {
    // The CA is asked for the renewal window once, a while after the issue.
    await until('the advice', 90, async () => (await road.store.readDomain(DOMAIN))!.current!.window);
    await road.history.untilQuiet();
    const before = await known();
    const wish = await customer(DOMAIN);
    for (let i = 0; i < 50; i++) {
      await put(road.provider, 'Domain Created', [wish], sent);
      // 0 to 140 ms apart, a pattern that does not fit any step's time.
      await sleep((i * 37) % 141);
    }
    await road.history.untilQuiet();
    expect(await known()).toEqual(before);
  }, 120_000);
});

/** The facts in the record, at the CA, in the bucket and on the bus. */
async function known(): Promise<object> {
  // The counters of the wish differ after an event that came during an execution, which changes
  // nothing else.
  const {
    wanted: _wanted,
    done: _done,
    seen: _seen,
    ...record
  } = (await road.store.readDomain(DOMAIN)) as DomainRecord;
  const executions = await road.history.about(DOMAIN);
  const histories = await Promise.all(executions.map(({ executionArn }) => road.history.events(executionArn!)));
  return {
    record,
    installed: await road.store.installed({ server: road.mx1.hostName, domain: DOMAIN }),
    orders: [...new Set(histories.flatMap(orders))],
    ends: [...new Set(executions.map(({ status }) => status))],
    chains: await chains(),
    issued: issued(),
  };
}

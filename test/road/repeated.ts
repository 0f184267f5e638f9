import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { DomainRecord } from '../../core/record/domain.ts';
import { until, untilInstalled } from '../../local/provider/panel.ts';
import { entered, orders } from './history.ts';
import { customer, put, road } from './provider.ts';

const DOMAIN = 'twenty.test';
const sent = new Date();

describe('the same event more than once', () => {
  it('makes one order and one certificate if it comes twenty times at once', async () => {
    const wish = await customer(DOMAIN);
    const ids = await put(
      road.provider,
      'Domain Created',
      Array.from({ length: 20 }, () => wish),
      sent,
    );
    await untilInstalled(road.store, { domain: DOMAIN, server: road.mx1.hostName });
    const ends = await Promise.all(ids.map(id => road.history.ended(id)));
    expect(new Set(ends.map(end => end.status))).toEqual(new Set(['SUCCEEDED']));
    const histories = await Promise.all(ends.map(end => road.history.events(end.executionArn!)));
    expect(new Set(histories.flatMap(orders)).size).toBe(1);
    expect(histories.filter(events => entered(events).includes('FinalizeOrder')).length).toBe(1);
    expect(await chains()).toHaveLength(1);
    expect(issued()).toBe(1);
  }, 120_000);

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

async function chains(): Promise<string[]> {
  const client = new S3Client(road.provider.client());
  const Bucket = road.provider.stack.outputs.CertificateBucket!;
  const ask = { Bucket, Prefix: `certificates/${DOMAIN}/` };
  const { Contents = [] } = await client.send(new ListObjectsV2Command(ask));
  return Contents.map(object => object.Key!).filter(key => key.endsWith('/chain'));
}

function issued(): number {
  const isIssued = (fact: (typeof road.bus.facts)[number]) => fact['detail-type'] === 'Certificate Issued';
  return road.bus.facts.filter(fact => isIssued(fact) && fact.detail.domain === DOMAIN).length;
}

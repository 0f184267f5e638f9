import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { untilInstalled } from '../../local/provider/panel.ts';
import { entered, orders } from './history.ts';
import { customer, put, road } from './provider.ts';

export const DOMAIN = 'twenty.test';
export const sent = new Date();

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
});

export async function chains(): Promise<string[]> {
  const client = new S3Client(road.provider.client());
  const Bucket = road.provider.stack.outputs.CertificateBucket!;
  const ask = { Bucket, Prefix: `certificates/${DOMAIN}/` };
  const { Contents = [] } = await client.send(new ListObjectsV2Command(ask));
  return Contents.map(object => object.Key!).filter(key => key.endsWith('/chain'));
}

export function issued(): number {
  const isIssued = (fact: (typeof road.bus.facts)[number]) => fact['detail-type'] === 'Certificate Issued';
  return road.bus.facts.filter(fact => isIssued(fact) && fact.detail.domain === DOMAIN).length;
}

import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { bus } from '../../aws/bus.ts';
import { pagesIn } from '../../core/events/events-in.ts';
import { eventsOut, pagesOut, type EventOut, type EventOutName } from '../../core/events/events-out.ts';
import { credentialsOf } from '../../local/provider/facts.ts';
import { put, road } from './provider.ts';

/** The one thing in the examples that is not true here: the node does not exist. */
const NO_SUCH_NODE = /^detail\.node mi-0123456789abcdef0 is not a managed node /;

describe('the examples of docs/events, put on the bus', () => {
  it.each(Object.entries(pagesIn))('%s is accepted', async (event, { example }) => {
    const [id] = await put(road.provider, event, [example]);
    const { status, error, cause } = await road.history.ended(id!);
    if (cause !== undefined) expect(cause).toMatch(NO_SUCH_NODE);
    else expect({ status, error }).toEqual({ status: 'SUCCEEDED', error: undefined });
    const isRegistration = /Registered|Mail Server Changed/.test(event);
    expect(status).toBe(isRegistration ? 'FAILED' : 'SUCCEEDED');
  });

  it('our own events are received as they were published', async () => {
    const { endpoint, region } = road.provider.client();
    const credentials = await credentialsOf(road.provider, 'ReleaseDomain');
    const client = new EventBridgeClient({ endpoint, region, credentials });
    const said = Object.entries(pagesOut).map(([detailType, { example }]) => ({ detailType, detail: example }));
    await bus(client, road.provider.stack.outputs.BusName!).put(said as EventOut[]);
    for (const { detailType, detail } of said) {
      const named = ['domain', 'server', 'execution', 'nextTry', 'seenAt'].filter(member => member in detail);
      const heard = await road.bus.heard(detailType, Object.fromEntries(named.map(member => [member, detail[member]])));
      expect(heard).toMatchObject({ source: 'sealpost', detail });
    }
  });

  it('every event on the bus so far matches its schema', () => {
    expect(road.bus.facts.length).toBeGreaterThan(Object.keys(eventsOut).length);
    for (const fact of road.bus.facts)
      expect(
        z.safeParse(eventsOut[fact['detail-type'] as EventOutName], fact.detail).error,
        fact['detail-type'],
      ).toBeUndefined();
  });
});

/** The product's event bus: publishes events with the source `sealpost`. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SealpostError } from '../core/errors.ts';
import { escapedJson } from '../core/json.ts';
import { unlessBusy } from './throttling.ts';
import type { Bus } from '../core/ports/bus.ts';

/** PutEvents takes ten entries in a call. */
const ENTRIES = 10;

export function bus(client: EventBridgeClient, name: string): Bus {
  return {
    async put(events) {
      for (let i = 0; i < events.length; i += ENTRIES) {
        const entries = events.slice(i, i + ENTRIES).map(({ detailType, detail }) => ({
          EventBusName: name,
          Source: 'sealpost',
          DetailType: detailType,
          Detail: escapedJson(detail),
        }));
        const { FailedEntryCount, Entries } = await unlessBusy('EventBridge', name, () =>
          client.send(new PutEventsCommand({ Entries: entries })),
        );
        if (FailedEntryCount)
          throw new SealpostError('Throttled', {
            about: name,
            message: `${FailedEntryCount} events were not taken (${Entries?.find(entry => entry.ErrorCode)?.ErrorCode}); they are put again`,
          });
      }
    },
  };
}

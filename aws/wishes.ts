/** Puts an event in on the product's bus, as a panel does. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SealpostError } from '../core/errors.ts';
import { unlessBusy } from './throttling.ts';

/** Whoever reads the bus sees who spoke. The source `sealpost` is ours alone. */
const SOURCE = 'operator';

/**
 * @param bus must exist: PutEvents answers for a bus that does not as if it had taken the event
 * @returns the event's id
 * @throws SealpostError Throttled
 */
export async function putWish(
  client: EventBridgeClient,
  { bus, detailType, detail }: { bus: string; detailType: string; detail: object },
): Promise<string> {
  const entry = { EventBusName: bus, Source: SOURCE, DetailType: detailType, Detail: JSON.stringify(detail) };
  const { Entries } = await unlessBusy('EventBridge', bus, () =>
    client.send(new PutEventsCommand({ Entries: [entry] })),
  );
  const { EventId, ErrorCode, ErrorMessage } = Entries?.[0] ?? {};
  if (EventId !== undefined) return EventId;
  throw new SealpostError('Throttled', {
    about: bus,
    message: `the event was not taken (${ErrorCode}: ${ErrorMessage}); try again`,
  });
}

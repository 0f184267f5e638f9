/** Events on the stack's bus, as a panel puts them. */
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SOURCE, type At } from './subject.ts';

export interface Entry {
  detailType: string;
  detail: object;
  source?: string;
}

/** @returns the ids that the bus gave, and the number of entries that it did not take */
export async function put(
  { account, subject }: Pick<At, 'account' | 'subject'>,
  entries: Entry[],
): Promise<{ ids: string[]; failed: number }> {
  const Entries = entries.map(({ detailType, detail, source = SOURCE }) => ({
    EventBusName: subject.stack,
    Source: source,
    DetailType: detailType,
    Detail: JSON.stringify(detail),
  }));
  const answer = await account.events.send(new PutEventsCommand({ Entries }));
  return { ids: (answer.Entries ?? []).flatMap(({ EventId }) => EventId ?? []), failed: answer.FailedEntryCount ?? 0 };
}

/** @throws Error if the bus does not take the event */
export async function putOne(at: Pick<At, 'account' | 'subject'>, entry: Entry): Promise<string> {
  const { ids, failed } = await put(at, [entry]);
  if (failed > 0 || ids[0] === undefined) throw new Error(`the bus did not take ${entry.detailType}`);
  return ids[0];
}

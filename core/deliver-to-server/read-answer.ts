/** Reads what a server answered to a delivery, or says that the outcome is unknown. */
import { SealpostError } from '../errors.ts';
import type { Commands } from '../ports/commands.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { DeliveryObjects } from '../ports/objects.ts';
import type { ServerClaim } from '../record/claim.ts';
import type { Manifest } from '../record/delivery.ts';
import { deliveryPrefix, type ServerRecord } from '../record/server.ts';
import { parseAnswer, type Answer } from './answer.ts';
import type { Assembled } from './assemble-delivery.ts';
import type { Line } from './record-looks.ts';

/**
 * Ends a delivery that the host found stale or expired, so that the next round assembles it anew.
 * @throws SealpostError ServerUnreachable, ClaimLost
 */
export async function readAnswer(
  server: ServerRecord,
  claim: ServerClaim,
  { commandId, delivery: { hash, seq, mode } }: Assembled & { commandId: string },
  {
    store,
    commands,
    deliveries,
  }: { store: Pick<DeliveryStore, 'endDelivery'>; commands: Commands; deliveries: DeliveryObjects },
): Promise<Answer> {
  const { state, output, detail } = await commands.outcome({ commandId, node: server.node });
  if (state !== 'answered')
    throw new SealpostError('ServerUnreachable', {
      about: server.server,
      message: `${server.server} did not run command ${commandId}: ${detail}`,
    });
  const answer = parseAnswer(output, { server: server.server, hash, seq, mode });
  if (answer.outcome !== 'stale' && answer.outcome !== 'expired') return answer;
  // After a restore from a backup the server is ahead, so the sequence continues from its number.
  await store.endDelivery(claim, { hash, changes: { seq: Math.max(server.seq, answer.storedSeq ?? 0) } });
  await deliveries.removeDelivery({ prefix: deliveryPrefix(server), hash });
  throw new SealpostError('ServerUnreachable', {
    about: server.server,
    message: `${server.server} found delivery ${seq} ${answer.outcome}; it is assembled anew`,
  });
}

/**
 * An inspection has no entries. Otherwise each entry has a letter; if not, the answer was cut and
 * the outcome is unknown.
 */
export function pair(manifest: Manifest, answer: Answer, server: string): Line[] {
  if (answer.entries.length !== manifest.length)
    throw new SealpostError('ServerUnreachable', {
      about: server,
      message: `${server} answered for ${answer.entries.length} of ${manifest.length} domains; all are delivered again`,
    });
  return manifest.map((entry, i) => ({ entry, ...answer.entries[i]! }));
}

/** PublishChallenges: writes the TXT values of the order's dns-01 challenges (RFC 8555 §8.4). */
import type { OrderState } from '../acme/order.ts';
import { openClaim } from '../claim/open-claim.ts';
import { byZone, withPublished } from '../claim/published.ts';
import type { Clock } from '../clock.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Zones } from '../ports/zones.ts';
import type { PublishedValue } from '../record/domain.ts';
import type { Place } from '../record/plan.ts';
import type { Ordered } from './ordered.ts';

export interface PublishPorts {
  store: Pick<ClaimStore, 'renewDomain' | 'recordPublished'>;
  zones: Zones;
  clock: Clock;
  /** How long the zone's name servers take, as a rule, to answer with a change. */
  propagationMs: number;
}

/**
 * @returns `until`: when the name servers are expected to answer with the values
 * @throws SealpostError Throttled, DomainNotManaged, AcmeRejected, ClaimLost
 */
export async function publishChallenges(
  input: Ordered & { execution: string },
  ports: PublishPorts,
): Promise<Ordered & { until: string }> {
  const { execution: _, ...rest } = input;
  const { claim, record } = await openClaim(input, ports);
  const values = valuesByRecord(input.order, input.places);
  if (values.length > 0) await ports.store.recordPublished(claim, withPublished(record.published, values));
  const add = ({ recordName, values }: PublishedValue) => ({ recordName, add: values, remove: [] });
  await Promise.all(
    [...byZone(values)].map(([zoneId, records]) =>
      ports.zones.changeTxt(zoneId, records.map(add)).catch((error: unknown) => {
        const isOurs = input.places.some(place => place.delegated && place.zoneId === zoneId);
        if (!isOurs || !isSealpostError(error, 'DomainNotManaged')) throw error;
        // A challenge zone that is gone stops every delegated domain, so a person must mend it.
        throw new Error(`${error.message}; it is the setting ChallengeZoneId`, { cause: error });
      }),
    ),
  );
  const wait = values.length > 0 ? ports.propagationMs : 0;
  return { ...rest, until: new Date(ports.clock.now() + wait).toISOString() };
}

/**
 * Values by record set: a domain and its wildcard share one, and both values must be there at once.
 */
function valuesByRecord(order: OrderState, places: Place[]): PublishedValue[] {
  const values = order.challenges.map(challenge => {
    const place = places.find(({ name }) => name === challenge.name);
    if (!place)
      throw new SealpostError('AcmeRejected', {
        about: challenge.name,
        message: `the CA asks to prove ${challenge.name}, which was not ordered; the next try makes a new order`,
      });
    return { zoneId: place.zoneId, recordName: place.recordName, value: challenge.value };
  });
  const sets = Map.groupBy(values, ({ zoneId, recordName }) => `${zoneId} ${recordName}`);
  return [...sets.values()].map(same => ({
    zoneId: same[0]!.zoneId,
    recordName: same[0]!.recordName,
    values: same.map(({ value }) => value),
  }));
}

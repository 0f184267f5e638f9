/**
 * Validate: waits until every name server answers with the values, then lets the CA look them up.
 */
import type { Acme } from '../acme/client.ts';
import { answerChallenges, type OrderState } from '../acme/order.ts';
import { openClaim } from '../claim/open-claim.ts';
import type { Clock } from '../clock.ts';
import { seenEverywhere, type Dns } from '../dns/authoritative.ts';
import { frugal } from '../dns/frugal.ts';
import { SealpostError } from '../errors.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Ordered } from './ordered.ts';

/**
 * A short wait inside a step costs less than a transition of the state machine
 * (docs/decisions/0001).
 */
export const POLL_MS = 10_000;

/**
 * @throws SealpostError DnsNotPropagated, AuthorizationPending, ChallengeFailed, AcmeUnavailable,
 *   Throttled, ClaimLost
 */
export async function validate(
  input: Ordered & { execution: string; until: string },
  ports: { store: Pick<ClaimStore, 'renewDomain'>; acme: Acme; dns: Dns; clock: Clock },
): Promise<Ordered> {
  const { execution: _, until: __, ...rest } = input;
  const { clock } = ports;
  await openClaim(input, ports);
  await requireSeen(input.order, input.domain, ports);
  const order = await answerChallenges(ports.acme, input.order, {
    deadline: clock.now() + POLL_MS,
    now: clock.now,
    sleep: clock.sleep,
  });
  return { ...rest, order };
}

async function requireSeen(order: OrderState, domain: string, ports: { dns: Dns; clock: Clock }): Promise<void> {
  const pending = order.challenges.filter(({ status }) => status === 'pending');
  const wanted = Map.groupBy(pending, ({ recordName }) => recordName);
  const dns = frugal(ports.dns, { about: domain, names: wanted.size, now: ports.clock.now });
  const lookups = await Promise.all(
    [...wanted].map(async ([name, challenges]) => {
      const values = challenges.map(({ value }) => value);
      return { name, found: await seenEverywhere(dns, name, values) };
    }),
  );
  for (const { name, found } of lookups)
    if (!found.ok)
      throw new SealpostError('DnsNotPropagated', {
        about: domain,
        message: `${found.missing.map(missing => missing.server).join(', ')} did not answer TXT ${name} with ours yet; it is asked again`,
      });
}

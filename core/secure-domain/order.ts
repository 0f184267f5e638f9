/** CreateOrder, PublishChallenges, Validate: the order at the CA until its names are proven. */
import { accountTrouble, isAccountUnknown } from '../acme/account.ts';
import type { Acme } from '../acme/client.ts';
import { answerChallenges, openOrder, type OrderState } from '../acme/order.ts';
import type { Issuer } from '../acme/issuer.ts';
import { isProblem } from '../acme/problem.ts';
import type { Clock } from '../clock.ts';
import { seenEverywhere, type Dns } from '../dns/authoritative.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { Store } from '../ports/store.ts';
import type { Plan, Place } from '../record/plan.ts';
import { withoutOrder } from '../issuer/budget.ts';
import type { PublishedValue } from '../record/domain.ts';
import { byZone, withPublished } from '../claim/published.ts';
import type { Zones } from '../ports/zones.ts';

type Mine<T = object> = Plan & { execution: string } & T;

/** A short wait inside a step is cheaper than a transition (design: up to 10 s). */
export const POLL_MS = 10_000;

export interface OrderPorts {
  store: Store;
  acme: Acme;
  /** Registers the account again, for a CA that does not know it any more. */
  registerAgain: () => Promise<void>;
  clock: Clock;
  /** The one that was planned; `acme` is our account there. */
  issuer: Issuer;
}

/** @throws SealpostError AcmeRateLimited, AcmeRejected, AcmeUnavailable, IssuerUnusable, ClaimLost */
export async function createOrder(input: Mine, ports: OrderPorts): Promise<Plan & { order: OrderState }> {
  const { store, acme, issuer } = ports;
  const { execution, ...plan } = input;
  const record = await store.renewDomain(plan.domain, execution, ports.clock.now());
  const ask = {
    names: plan.names,
    profile: plan.profile ?? issuer.profile,
    replaces: plan.replaces,
    now: ports.clock.now,
  };
  const open = (existingUrl?: string) => openOrder(acme, { ...ask, existingUrl });
  const openAnyhow = (existingUrl?: string) =>
    open(existingUrl).catch(async (error: unknown) => {
      if (!isAccountUnknown(error)) throw error;
      await ports.registerAgain();
      return open(existingUrl);
    });
  if (record.order) {
    const order = await openAnyhow(record.order.url);
    if (order.status !== 'invalid') return { ...plan, order };
    // Its time is over, or the CA knows it no more.
    await store.forgetOrder(plan.domain, execution, record.order.url);
  }
  const order = await openAnyhow().catch((error: unknown) => {
    throw isOfIssuer(error, plan) ? accountTrouble(error, issuer) : error;
  });
  const { names: planned, profile } = plan;
  const made = { url: order.url, planned, issuer: issuer.name, ...(profile && { profile }) };
  const left = withoutOrder(record.reserved, issuer.name);
  const onRecord = await store.recordOrder(plan.domain, execution, made, left);
  return { ...plan, order: onRecord.url === order.url ? order : await open(onRecord.url) };
}

/** A new order that is refused for the account's sake (RFC 8555 §6.7, §7.3.3: deactivated, new terms), or for a profile that our own setting names. */
function isOfIssuer(error: unknown, { profile }: Plan): boolean {
  const ofAccount = ['unauthorized', 'accountDoesNotExist', 'userActionRequired', 'externalAccountRequired'];
  return isSealpostError(error) && isProblem(error.cause, ...ofAccount, ...(profile ? [] : ['invalidProfile']));
}

/** @param propagationMs how long the zone's name servers take at the most, as a rule @throws SealpostError Throttled, DomainNotManaged, ClaimLost */
export async function publishChallenges(
  input: Mine<{ order: OrderState }>,
  ports: { store: Store; zones: Zones; clock: Clock; propagationMs: number },
): Promise<Plan & { order: OrderState; until: string }> {
  const { execution, ...rest } = input;
  const { published } = await ports.store.renewDomain(input.domain, execution, ports.clock.now());
  const values = valuesByRecord(input.order, input.places);
  if (values.length > 0) await ports.store.recordPublished(input.domain, execution, withPublished(published, values));
  const add = ({ recordName, values }: PublishedValue) => ({ recordName, add: values, remove: [] });
  await Promise.all(
    [...byZone(values)].map(([zoneId, records]) =>
      ports.zones.changeTxt(zoneId, records.map(add)).catch((error: unknown) => {
        const isOurs = input.places.some(place => place.delegated && place.zoneId === zoneId);
        if (!isOurs || !isSealpostError(error, 'DomainNotManaged')) throw error;
        // Of every delegated domain, and none of their faults: a person has to see to it.
        throw new Error(`${error.message}; it is the setting ChallengeZoneId`, { cause: error });
      }),
    ),
  );
  const wait = values.length > 0 ? ports.propagationMs : 0;
  return { ...rest, until: new Date(ports.clock.now() + wait).toISOString() };
}

/** All values of a record set together: a domain and its wildcard share a name, and both values must be there at once. */
export function valuesByRecord(order: OrderState, places: Place[]): PublishedValue[] {
  const records = new Map<string, PublishedValue>();
  for (const challenge of order.challenges) {
    const place = places.find(place => place.name === challenge.name);
    if (!place)
      throw new SealpostError(
        'AcmeRejected',
        challenge.name,
        `the CA asks to prove ${challenge.name}, which was not ordered; the next try makes a new order`,
      );
    const key = `${place.zoneId} ${place.recordName}`;
    const record = records.get(key) ?? { zoneId: place.zoneId, recordName: place.recordName, values: [] };
    records.set(key, { ...record, values: [...record.values, challenge.value] });
  }
  return [...records.values()];
}

/** @throws SealpostError DnsNotPropagated, AuthorizationPending, ChallengeFailed, AcmeUnavailable, ClaimLost */
export async function validate(
  input: Mine<{ order: OrderState; until: string }>,
  ports: { store: Store; acme: Acme; dns: Dns; clock: Clock },
): Promise<Plan & { order: OrderState }> {
  const { execution, until: _, ...rest } = input;
  const { clock } = ports;
  await ports.store.renewDomain(input.domain, execution, clock.now());
  await requireSeen(input.order, input.domain, ports.dns);
  const order = await answerChallenges(ports.acme, input.order, {
    deadline: clock.now() + POLL_MS,
    now: clock.now,
    sleep: clock.sleep,
  });
  return { ...rest, order };
}

async function requireSeen(order: OrderState, domain: string, dns: Dns): Promise<void> {
  const wanted = new Map<string, string[]>();
  for (const { recordName, value, status } of order.challenges)
    if (status === 'pending') wanted.set(recordName, [...(wanted.get(recordName) ?? []), value]);
  const looks = await Promise.all(
    [...wanted].map(async ([name, values]) => ({ name, look: await seenEverywhere(dns, name, values) })),
  );
  for (const { name, look } of looks)
    if (!look.ok)
      throw new SealpostError(
        'DnsNotPropagated',
        domain,
        `${look.missing.map(missing => missing.server).join(', ')} did not answer TXT ${name} with ours yet; it is asked again`,
      );
}

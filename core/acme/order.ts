/**
 * An order from newOrder to its certificate, in three steps that run in three processes. What passes between them is
 * an OrderState: URLs and TXT values, all of them public. Each step may run again: it reads before it repeats.
 */
import { SealpostError } from '../errors.ts';
import type { Acme, AcmeOrder } from './client.ts';
import { AcmeProblem, AcmeTransport, asSealpostError, challengeFailure, isProblem, retryAt } from './problem.ts';
import type { Problem } from './problem.ts';

export interface OrderState {
  url: string;
  finalize: string;
  /** `invalid`: of no more use; forget its URL and open another. */
  status: AcmeOrder['status'];
  /** As planned: the certificate will have exactly these. */
  names: string[];
  /** The `replaces` that the CA accepted: such an order is outside its rate limits (RFC 9773 §5). */
  replaces?: string;
  /** What has to be published and answered; names the CA still holds as proven are not in it. */
  challenges: PendingChallenge[];
  /** For the next step's first request: a cold process needs neither directory nor newNonce, 11 requests and not 15. */
  nonce?: string;
}

export interface PendingChallenge {
  /** The bare name, for a wildcard too. */
  name: string;
  wildcard: boolean;
  authorization: string;
  url: string;
  status: string;
  /** `_acme-challenge.<name>` (RFC 8555 §8.4); apex and wildcard share it and need both values. */
  recordName: string;
  value: string;
}

/** Times in milliseconds; `deadline` since the epoch. */
export interface Patience {
  deadline: number;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

/** Pebble takes 50 ms, Let's Encrypt 1 to 3 s. Looks after 0.3, 1.2, 3.9, 6.9 and 9.9 s: few requests, none in vain for long. */
const firstLookMs = 300;
const slowestLookMs = 3_000;

/**
 * @param wish.existingUrl an order on record: it is read, and newOrder is not called
 * @param wish.replaces ARI id of the certificate that this one follows; where the CA refuses it (replaced already, or
 *   issued by a CA it does not know), the order is made without
 * @param wish.now ms since the epoch, for Retry-After
 * @throws AcmeUnavailable, AcmeRateLimited, AcmeRejected, CaaForbids
 */
export async function openOrder(
  acme: Acme,
  wish: { names: string[]; profile?: string; replaces?: string; existingUrl?: string; now: () => number },
): Promise<OrderState> {
  const { names, existingUrl } = wish;
  return named(names, wish.now, async () => {
    if (!existingUrl) return handOn(acme, await stateOf(acme, await placeOrder(acme, wish), names));
    try {
      return handOn(acme, await stateOf(acme, await acme.order(existingUrl), names));
    } catch (error) {
      // A CA forgets orders some time after they expired; a Pebble that restarted forgets all.
      const gone = error instanceof AcmeProblem && error.status === 404;
      if (gone) return { url: existingUrl, finalize: '', status: 'invalid', names, challenges: [] };
      throw error;
    }
  });
}

/**
 * Says that the records are there and waits for the CA's verdict on the order: one request a look, however many names.
 * @throws AuthorizationPending at the deadline; ChallengeFailed or CaaForbids with the CA's words for each name;
 *   AcmeUnavailable, AcmeRateLimited, AcmeRejected
 */
export async function answerChallenges(acme: Acme, order: OrderState, patience: Patience): Promise<OrderState> {
  return named(order.names, patience.now, async () => {
    if (order.status !== 'pending') return order;
    if (order.nonce) acme.keepNonce(order.nonce);
    let refused: unknown;
    for (const challenge of order.challenges) {
      try {
        await acme.answer(challenge.url);
      } catch (error) {
        // Answered by an earlier try (the CA then calls it malformed), or the answer was lost: the order tells which.
        if (!isProblem(error, 'malformed') && !(error instanceof AcmeTransport)) throw error;
        refused = error;
      }
    }
    const done = await lookUntil(acme, order, patience, ({ status }) => status !== 'pending', undefined, refused);
    if (done.status === 'invalid') throw await whyInvalid(acme, done, order.names);
    return handOn(acme, { ...order, status: done.status, challenges: [] });
  });
}

/**
 * @param options.csr DER; its key is stored before this is called
 * @param options.firstAttempt false: an earlier try may have finalized, so the order is read first
 * @returns the chain as PEM, leaf first
 * @throws AuthorizationPending at the deadline; ChallengeFailed, CaaForbids; AcmeUnavailable, AcmeRateLimited,
 *   AcmeRejected (badCSR: the order stays ready)
 */
export async function completeOrder(
  acme: Acme,
  order: OrderState,
  options: { csr: Buffer; firstAttempt: boolean } & Patience,
): Promise<string> {
  return named(order.names, options.now, async () => {
    if (order.nonce) acme.keepNonce(order.nonce);
    let current = options.firstAttempt ? await finalize(acme, order, options.csr) : await acme.order(order.url);
    if (current.status === 'ready') current = await finalize(acme, order, options.csr);
    if (current.status !== 'valid') {
      const settled = ({ status }: AcmeOrder) => status === 'valid' || status === 'invalid';
      current = await lookUntil(acme, order, options, settled, current);
    }
    if (current.status === 'invalid') throw await whyInvalid(acme, current, order.names);
    return acme.certificate(current.certificate!);
  });
}

/** Whatever happened to the request, the order knows: a lost answer and `orderNotReady` (it may be valid by now) are read, not guessed. */
async function finalize(acme: Acme, order: OrderState, csr: Buffer): Promise<AcmeOrder> {
  try {
    return await acme.finalize(order, csr);
  } catch (error) {
    if (error instanceof AcmeTransport || isProblem(error, 'orderNotReady')) return acme.order(order.url);
    throw error;
  }
}

function handOn(acme: Acme, { nonce: _, ...order }: OrderState): OrderState {
  const nonce = acme.spareNonce();
  return { ...order, ...(nonce !== undefined && { nonce }) };
}

async function placeOrder(
  acme: Acme,
  { names, profile, replaces }: { names: string[]; profile?: string; replaces?: string },
): Promise<AcmeOrder> {
  const order = { names, ...(profile && { profile }) };
  if (!replaces) return acme.newOrder(order);
  try {
    return await acme.newOrder({ ...order, replaces });
  } catch (error) {
    // unauthorized: it was issued to an account that we no longer use. serverInternal: Pebble's word for a certificate that
    // it does not know; and no fault of a CA's with `replaces` shall keep a certificate from being renewed.
    if (!isProblem(error, 'alreadyReplaced', 'malformed', 'unauthorized', 'serverInternal')) throw error;
    return acme.newOrder(order);
  }
}

async function stateOf(acme: Acme, order: AcmeOrder, names: string[]): Promise<OrderState> {
  const { url, finalize, status, replaces } = order;
  const challenges: PendingChallenge[] = [];
  // One after the other: each answer brings the nonce of the next request, in parallel each would fetch its own.
  for (const authorization of status === 'pending' ? order.authorizations : []) {
    const { identifier, status, wildcard = false, challenges: offered } = await acme.authorization(authorization);
    if (status === 'valid') continue;
    const challenge = offered.find(({ type }) => type === 'dns-01');
    if (!challenge) {
      throw new SealpostError('AcmeRejected', names[0]!, `The CA offers no dns-01 challenge for ${identifier.value}.`);
    }
    challenges.push({
      name: identifier.value,
      wildcard,
      authorization,
      url: challenge.url,
      status: challenge.status,
      recordName: `_acme-challenge.${identifier.value}`,
      value: acme.txtValue(challenge.token),
    });
  }
  return { url, finalize, status, names, ...(replaces && { replaces }), challenges };
}

/** Reads the order until `settled`, at the CA's Retry-After where it gives one. */
async function lookUntil(
  acme: Acme,
  { url, names }: OrderState,
  { deadline, now, sleep }: Patience,
  settled: (order: AcmeOrder) => boolean,
  seen?: AcmeOrder,
  cause?: unknown,
): Promise<AcmeOrder> {
  let order = seen;
  for (let wait = firstLookMs; ; wait = Math.min(wait * 3, slowestLookMs)) {
    const asked = retryAt(order?.retryAfter, now());
    const at = asked ?? now() + wait;
    if (at > deadline) {
      const state = order ? `is still ${order.status}` : 'was not looked at';
      throw new SealpostError('AuthorizationPending', names[0]!, `The order at ${url} ${state}; it is read again.`, {
        cause,
        ...(asked !== undefined && { retryAt: asked }),
      });
    }
    await sleep(at - now());
    order = await acme.order(url);
    if (settled(order)) return order;
  }
}

/** The order's own error is only the first of them (Pebble) or none: every authorization is asked. */
async function whyInvalid(acme: Acme, order: AcmeOrder, names: string[]): Promise<SealpostError> {
  const problems: Problem[] = [];
  for (const url of order.authorizations) {
    const { identifier, wildcard, challenges } = await acme.authorization(url);
    const value = wildcard ? `*.${identifier.value}` : identifier.value;
    for (const { error } of challenges) if (error) problems.push({ ...error, identifier: { ...identifier, value } });
  }
  if (problems.length === 0 && order.error) problems.push(order.error);
  return challengeFailure(names[0]!, problems);
}

async function named<T>(names: string[], now: () => number, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw asSealpostError(error, names[0]!, now());
  }
}

/**
 * An order, from newOrder to its certificate, in three steps that run in three processes. The steps
 * hand on an OrderState, which holds URLs and TXT values and nothing secret. A step may run again:
 * it reads the order before it repeats a request.
 */
import { SealpostError } from '../errors.ts';
import type { AcmeOrder } from './answers.ts';
import type { Acme } from './client.ts';
import { AcmeProblem, AcmeTransport, asSealpostError, challengeFailure, isProblem, retryAt } from './problem.ts';
import type { Problem } from './problem.ts';

export interface OrderState {
  url: string;
  finalize: string;
  /** `invalid`: the order is lost; its URL is to be forgotten and a new order opened. */
  status: AcmeOrder['status'];
  /** The planned names. The certificate will have exactly these. */
  names: string[];
  /**
   * The `replaces` that the CA accepted. Such an order does not count for rate limits (RFC 9773
   * §5).
   */
  replaces?: string;
  /**
   * The challenges to publish and to answer. Names whose authorization is still valid at the CA
   * have none.
   */
  challenges: PendingChallenge[];
  /**
   * A nonce for the next step's first request. With this nonce a cold process needs neither the
   * directory nor newNonce: 11 requests in place of 15.
   */
  nonce?: string;
}

export interface PendingChallenge {
  /** The name without `*.`. */
  name: string;
  wildcard: boolean;
  authorization: string;
  url: string;
  status: string;
  /**
   * `_acme-challenge.<name>` (RFC 8555 §8.4). A domain and its wildcard share the record and need
   * both values.
   */
  recordName: string;
  value: string;
}

/** Times in milliseconds; `deadline` is since the epoch. */
export interface Patience {
  deadline: number;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

/**
 * Waits before the order is read again: after 0.3, 1.2, 3.9, 6.9 and 9.9 s. Pebble takes 50 ms,
 * Let's Encrypt 1 to 3 s, so that few requests are made and none is late for long.
 */
const FIRST_READ_MS = 300;
const SLOWEST_READ_MS = 3_000;

/**
 * Opens an order, or reads the recorded one.
 * @param wish.existingUrl a recorded order: it is read, and newOrder is not called
 * @param wish.replaces ARI identifier of the certificate that the new one replaces. If the CA
 *   refuses it (already replaced, or unknown to the CA), the order is made without it
 * @param wish.beforeCounted called before an order that the CA counts towards its limits, which is
 *   every order without `replaces` (RFC 9773 §5). The order is not made if the call throws
 * @param wish.now gives milliseconds since the epoch, for Retry-After
 * @throws SealpostError AcmeUnavailable, AcmeRateLimited, AcmeRejected, CaaForbids
 */
export async function openOrder(
  acme: Acme,
  wish: {
    names: string[];
    profile?: string;
    replaces?: string;
    existingUrl?: string;
    now: () => number;
    beforeCounted?: () => Promise<void>;
  },
): Promise<OrderState> {
  const { names, existingUrl } = wish;
  return named(names, wish.now, async () => {
    if (!existingUrl) return handOn(acme, await stateOf(acme, await placeOrder(acme, wish), names));
    try {
      return handOn(acme, await stateOf(acme, await acme.order(existingUrl), names));
    } catch (error) {
      // A CA deletes orders some time after they expire; Pebble loses all orders when it restarts.
      const gone = error instanceof AcmeProblem && error.status === 404;
      if (gone) return { url: existingUrl, finalize: '', status: 'invalid', names, challenges: [] };
      throw error;
    }
  });
}

/**
 * Answers the challenges and waits for the CA's verdict on the order: one request for each wait,
 * however many names there are.
 * @throws SealpostError AuthorizationPending at the deadline; ChallengeFailed or CaaForbids with
 *   the CA's text for each name; AcmeUnavailable, AcmeRateLimited, AcmeRejected
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
        // An earlier try answered the challenge (the CA then says `malformed`), or the CA's reply
        // was lost. The order shows which, so the error is not thrown here.
        if (!isProblem(error, 'malformed') && !(error instanceof AcmeTransport)) throw error;
        refused = error;
      }
    }
    const done = await readUntil(acme, order, {
      ...patience,
      isDone: ({ status }) => status !== 'pending',
      cause: refused,
    });
    if (done.status === 'invalid') throw await whyInvalid(acme, done, order.names);
    return handOn(acme, { ...order, status: done.status, challenges: [] });
  });
}

/**
 * Finalizes the order and fetches the certificate.
 * @param options.csr DER; its key is stored before this call
 * @param options.firstAttempt false if an earlier try may have finalized the order; the order is
 *   read first then
 * @returns the chain as PEM, leaf first
 * @throws SealpostError AuthorizationPending at the deadline; ChallengeFailed, CaaForbids;
 *   AcmeUnavailable, AcmeRateLimited, AcmeRejected (badCSR: the order stays ready)
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
      const isDone = ({ status }: AcmeOrder) => status === 'valid' || status === 'invalid';
      current = await readUntil(acme, order, { ...options, isDone, seen: current });
    }
    if (current.status === 'invalid') throw await whyInvalid(acme, current, order.names);
    if (!current.certificate) throw new AcmeTransport(`${order.url} is valid and has no certificate`);
    return acme.certificate(current.certificate);
  });
}

/**
 * If the answer is lost, or says `orderNotReady` (the order may be valid by now), the order is
 * read. The order's status decides, not the answer.
 */
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
  {
    names,
    profile,
    replaces,
    beforeCounted,
  }: { names: string[]; profile?: string; replaces?: string; beforeCounted?: () => Promise<void> },
): Promise<AcmeOrder> {
  const order = { names, ...(profile && { profile }) };
  const orderCounted = async () => {
    await beforeCounted?.();
    return acme.newOrder(order);
  };
  if (!replaces) return orderCounted();
  try {
    return await acme.newOrder({ ...order, replaces });
  } catch (error) {
    // `unauthorized`: the certificate was issued to an account that we no longer use.
    // `serverInternal`: Pebble does not know the certificate. The order is then made without
    // `replaces`, so that a CA's fault with `replaces` does not stop a renewal.
    if (!isProblem(error, 'alreadyReplaced', 'malformed', 'unauthorized', 'serverInternal')) throw error;
    return orderCounted();
  }
}

async function stateOf(acme: Acme, order: AcmeOrder, names: string[]): Promise<OrderState> {
  const { url, finalize, status, replaces } = order;
  const challenges: PendingChallenge[] = [];
  // One after the other: each answer brings the nonce of the next request. In parallel, each
  // request would have to fetch a nonce.
  for (const authorization of status === 'pending' ? order.authorizations : []) {
    const { identifier, status, wildcard = false, challenges: offered } = await acme.authorization(authorization);
    if (status === 'valid') continue;
    if (!names.some(name => name.replace(/^\*\./, '') === identifier.value))
      throw new AcmeTransport(`${authorization} is for ${identifier.value}, which was not ordered`);
    const challenge = offered.find(({ type }) => type === 'dns-01');
    if (!challenge) {
      throw new SealpostError('AcmeRejected', {
        about: names[0]!,
        message: `The CA offers no dns-01 challenge for ${identifier.value}.`,
      });
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

/**
 * Reads the order until `isDone`, at the CA's Retry-After if it gives one.
 * @param until.seen the order as it was read last
 * @param until.cause the error of an unanswered challenge, for the error's `cause`
 * @throws SealpostError AuthorizationPending at the deadline
 */
async function readUntil(
  acme: Acme,
  { url, names }: OrderState,
  until: Patience & { isDone: (order: AcmeOrder) => boolean; seen?: AcmeOrder; cause?: unknown },
): Promise<AcmeOrder> {
  const { deadline, now, sleep, isDone, seen, cause } = until;
  let order = seen;
  for (let wait = FIRST_READ_MS; ; wait = Math.min(wait * 3, SLOWEST_READ_MS)) {
    const asked = retryAt(order?.retryAfter, now());
    const at = asked ?? now() + wait;
    if (at > deadline) {
      const state = order ? `is still ${order.status}` : 'was not read';
      throw new SealpostError('AuthorizationPending', {
        about: names[0]!,
        message: `The order at ${url} ${state}; it is read again.`,
        cause,
        ...(asked !== undefined && { retryAt: asked }),
      });
    }
    await sleep(at - now());
    order = await acme.order(url);
    if (isDone(order)) return order;
  }
}

/**
 * Every authorization is read, because the order's own error is the first problem only (Pebble) or
 * absent.
 */
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

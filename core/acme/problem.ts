/**
 * Errors of a CA and of the connection to it, and which SealpostError each of them is. The CA's
 * text is kept word for word, because the customer has to act on it.
 */
import * as z from 'zod/mini';
import { SealpostError } from '../errors.ts';
import type { ErrorName } from '../errors.ts';

/** A problem document (RFC 8555 §6.7, RFC 7807), by itself or in an authorization's challenge. */
export interface Problem {
  type?: string;
  detail?: string;
  identifier?: { type: string; value: string };
  subproblems?: Omit<Problem, 'subproblems'>[];
}

/** What is odd in a CA's answer is left out: the rest may still say what a person needs. */
const text = z.catch(z.optional(z.string()), undefined);
const identifier = z.catch(z.optional(z.object({ type: z.string(), value: z.string() })), undefined);
const own = { type: text, detail: text, identifier };
const subproblems = z.catch(z.optional(z.array(z.object(own)).check(z.maxLength(100))), undefined);
export const problem = z.object({ ...own, subproblems });

/** An HTTP answer of a CA. The body is parsed if it is JSON. */
export interface CaAnswer {
  url: string;
  status: number;
  headers: Record<string, string | string[] | undefined>;
  data: any;
}

/** The CA answered with a status of 400 or above. */
export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  readonly status: number;
  readonly problem: Problem;
  /** The header as the CA sent it: seconds or an HTTP date. */
  readonly retryAfter: string | undefined;
  readonly url: string;

  constructor(answer: CaAnswer) {
    // A 404 for an unknown order has no body, and a proxy's 502 is HTML. Only an object is a
    // problem document.
    const said: Problem = problem.safeParse(answer.data).data ?? {};
    super(said.detail ?? `HTTP ${answer.status} from ${answer.url}`);
    this.status = answer.status;
    this.problem = said;
    this.retryAfter = header(answer, 'retry-after');
    this.url = answer.url;
  }
}

/**
 * No usable answer arrived: connection refused, timeout, connection lost, certificate not trusted.
 * The CA may have carried out the request all the same.
 */
export class AcmeTransport extends Error {
  override readonly name = 'AcmeTransport';
}

export function header(answer: Pick<CaAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * True if the error is an AcmeProblem of one of these types, e.g. `alreadyReplaced` (RFC 8555 §6.7,
 * RFC 9773 §7.4).
 */
export function isProblem(error: unknown, ...types: string[]): error is AcmeProblem {
  return error instanceof AcmeProblem && types.includes(kind(error.problem));
}

/**
 * A `Retry-After` of weeks is a fault of the CA. A request too early costs one more refusal.
 * Without the bound one answer could keep us from the CA for years.
 */
const LONGEST_RETRY_AFTER_MS = 86_400_000;

/**
 * When a Retry-After header allows the next request: in a day at the latest.
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch; undefined if the header is absent, or is neither seconds
 *   nor an HTTP date (RFC 9110 §10.2.3)
 */
export function retryAt(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const at = /^\d+$/.test(retryAfter.trim()) ? now + Number(retryAfter) * 1000 : Date.parse(retryAfter);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at, now), now + LONGEST_RETRY_AFTER_MS);
}

/**
 * Turns an error of the CA or of the connection into a SealpostError. Other errors are returned
 * unchanged.
 * @param about the domain
 * @param now milliseconds since the epoch, for Retry-After
 */
export function asSealpostError(error: unknown, about: string, now: number): unknown {
  if (error instanceof AcmeTransport) {
    return new SealpostError('AcmeUnavailable', {
      about,
      message: `The CA could not be reached: ${error.message}.`,
      cause: error,
    });
  }
  if (!(error instanceof AcmeProblem)) return error;
  const at = retryAt(error.retryAfter, now);
  const words = inWords(error.problem) || error.message;
  const said = `The CA answered HTTP ${error.status}: ${words}`;
  return new SealpostError(nameOf(error), {
    about,
    message: said,
    cause: error,
    ...(at !== undefined && { retryAt: at }),
  });
}

/**
 * The error for problems in challenges or in an invalid order: CaaForbids if every problem is
 * `caa`, otherwise ChallengeFailed.
 */
export function challengeFailure(about: string, problems: Problem[]): SealpostError {
  const forbidden = problems.length > 0 && problems.every(problem => kind(problem) === 'caa');
  const words = problems.map(inWords).join('; ') || 'the CA gave no reason';
  const remedy = forbidden
    ? 'Let the CAA record name this CA, or have it removed.'
    : `Correct what the CA found, then it is tried again by itself.`;
  return new SealpostError(forbidden ? 'CaaForbids' : 'ChallengeFailed', { about, message: `${words}. ${remedy}` });
}

function nameOf(error: AcmeProblem): ErrorName {
  const type = kind(error.problem);
  if (error.status === 429 || type === 'rateLimited') return 'AcmeRateLimited';
  // If badNonce comes after acme-client's five tries, the CA's front ends disagree. The order is
  // not the cause.
  if (error.status >= 500 || type === 'serverInternal' || type === 'badNonce') return 'AcmeUnavailable';
  return type === 'caa' ? 'CaaForbids' : 'AcmeRejected';
}

function kind(problem: Problem): string {
  return problem.type?.replace(/^urn:ietf:params:acme:error:/, '') ?? '';
}

/**
 * `example.com: No TXT record found (unauthorized)`, one text for each name if the CA tells them
 * apart.
 */
function inWords(problem: Problem): string {
  const own = problem.detail === undefined ? '' : `${problem.detail}${kind(problem) && ` (${kind(problem)})`}`;
  const named = problem.identifier ? `${problem.identifier.value}: ${own}` : own;
  return [named, ...(problem.subproblems ?? []).map(inWords)].filter(Boolean).join('; ');
}

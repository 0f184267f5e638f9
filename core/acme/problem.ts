/**
 * What a CA, or the way to it, answers instead of what was asked, and which of our errors that is.
 * The CA's words are kept word for word: they are what a customer has to act on.
 */
import { SealpostError } from '../errors.ts';
import type { ErrorName } from '../errors.ts';

/** A problem document (RFC 8555 §6.7, RFC 7807), on its own or inside an authorization's challenge. */
export interface Problem {
  type?: string;
  detail?: string;
  status?: number;
  identifier?: { type: string; value: string };
  subproblems?: Problem[];
}

/** An HTTP answer of a CA, its body parsed where it is JSON. */
export interface CaAnswer {
  url: string;
  status: number;
  headers: Record<string, string | string[] | undefined>;
  data: any;
}

/** The CA answered, with a status of 400 or above. */
export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  readonly status: number;
  readonly problem: Problem;
  /** The header as it came: seconds or an HTTP date. */
  readonly retryAfter: string | undefined;
  readonly url: string;

  constructor(answer: CaAnswer) {
    // A 404 of an unknown order has no body, and a proxy's 502 is HTML: only an object is a problem document.
    const problem: Problem = typeof answer.data === 'object' && answer.data !== null ? answer.data : {};
    super(problem.detail ?? `HTTP ${answer.status} from ${answer.url}`);
    this.status = answer.status;
    this.problem = problem;
    this.retryAfter = header(answer, 'retry-after');
    this.url = answer.url;
  }
}

/** No (usable) answer arrived: refused, timed out, cut off, not trusted. What was asked may have happened all the same. */
export class AcmeTransport extends Error {
  override readonly name = 'AcmeTransport';
}

export function header(answer: Pick<CaAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** True for an AcmeProblem of one of these types, e.g. `alreadyReplaced` (RFC 8555 §6.7, RFC 9773 §7.4). */
export function isProblem(error: unknown, ...types: string[]): error is AcmeProblem {
  return error instanceof AcmeProblem && types.includes(kind(error.problem));
}

/**
 * When a Retry-After header lets us ask again.
 * @param now ms since the epoch
 * @returns ms since the epoch; undefined where the header is absent or neither seconds nor an HTTP date (RFC 9110 §10.2.3)
 */
export function retryAt(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const at = /^\d+$/.test(retryAfter.trim()) ? now + Number(retryAfter) * 1000 : Date.parse(retryAfter);
  return Number.isNaN(at) ? undefined : Math.max(at, now);
}

/**
 * Our name for what the CA or the network did. Errors that are neither pass through unchanged.
 * @param about the domain
 * @param now ms since the epoch, for Retry-After
 */
export function asSealpostError(error: unknown, about: string, now: number): unknown {
  if (error instanceof AcmeTransport) {
    return new SealpostError('AcmeUnavailable', about, `The CA could not be reached: ${error.message}.`, {
      cause: error,
    });
  }
  if (!(error instanceof AcmeProblem)) return error;
  const at = retryAt(error.retryAfter, now);
  const words = inWords(error.problem) || error.message;
  const said = `The CA answered HTTP ${error.status}: ${words}`;
  return new SealpostError(nameOf(error), about, said, { cause: error, ...(at !== undefined && { retryAt: at }) });
}

/** The error for problems found in challenges or in an order that became invalid: `caa` is its own kind, the rest failed. */
export function challengeFailure(about: string, problems: Problem[]): SealpostError {
  const forbidden = problems.length > 0 && problems.every(problem => kind(problem) === 'caa');
  const words = problems.map(inWords).join('; ') || 'the CA gave no reason';
  const remedy = forbidden
    ? 'Let the CAA record name this CA, or have it removed.'
    : `Correct what the CA found, then it is tried again by itself.`;
  return new SealpostError(forbidden ? 'CaaForbids' : 'ChallengeFailed', about, `${words}. ${remedy}`);
}

function nameOf(error: AcmeProblem): ErrorName {
  const type = kind(error.problem);
  if (error.status === 429 || type === 'rateLimited') return 'AcmeRateLimited';
  // A badNonce that outlived the library's five tries says that the CA's front ends disagree: no fault of the order.
  if (error.status >= 500 || type === 'serverInternal' || type === 'badNonce') return 'AcmeUnavailable';
  return type === 'caa' ? 'CaaForbids' : 'AcmeRejected';
}

function kind(problem: Problem): string {
  return problem.type?.replace(/^urn:ietf:params:acme:error:/, '') ?? '';
}

/** `example.com: No TXT record found (unauthorized)`, one for each name where the CA told them apart. */
function inWords(problem: Problem): string {
  const own = problem.detail === undefined ? '' : `${problem.detail}${kind(problem) && ` (${kind(problem)})`}`;
  const named = problem.identifier ? `${problem.identifier.value}: ${own}` : own;
  return [named, ...(problem.subproblems ?? []).map(inWords)].filter(Boolean).join('; ');
}

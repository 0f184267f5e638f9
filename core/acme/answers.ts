/**
 * What a CA answers, checked where it comes in. A proxy's page and a hostile CA's JSON become
 * AcmeTransport, which is retried, and no step meets a field of another type than it expects.
 */
import * as z from 'zod/mini';
import { AcmeTransport, header, problem, type CaAnswer, type Problem } from './problem.ts';

/** RFC 8555 §7.1.1; `renewalInfo`: RFC 9773 §4; `profiles`: draft-ietf-acme-profiles. */
export interface Directory {
  newNonce: string;
  newAccount: string;
  newOrder: string;
  revokeCert: string;
  renewalInfo?: string;
  meta?: { termsOfService?: string; caaIdentities?: string[]; profiles?: Record<string, string> };
}

export interface Identifier {
  type: string;
  value: string;
}

/** RFC 8555 §7.1.3, with the order's URL and the Retry-After header of the answer. */
export interface AcmeOrder {
  url: string;
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  identifiers: Identifier[];
  authorizations: string[];
  finalize: string;
  certificate?: string;
  error?: Problem;
  profile?: string;
  replaces?: string;
  retryAfter?: string;
}

/** RFC 8555 §7.1.4. For a wildcard, `identifier.value` is the name without `*.`. */
export interface AcmeAuthorization {
  identifier: Identifier;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  wildcard?: boolean;
  challenges: { type: string; url: string; status: string; token: string; error?: Problem }[];
}

/** More than an order with 25 names has. */
const MOST = 100;
const LONGEST = 2_000;

const text = z.string().check(z.maxLength(LONGEST));
const url = text.check(z.refine(value => value.startsWith('https://') && URL.canParse(value)));
const identifier = z.object({ type: text, value: text });
const absentIfOdd = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);

const directory = z.object({
  ...{ newNonce: url, newAccount: url, newOrder: url, revokeCert: url, renewalInfo: absentIfOdd(url) },
  meta: absentIfOdd(
    z.object({
      termsOfService: absentIfOdd(text),
      caaIdentities: absentIfOdd(z.array(text).check(z.maxLength(MOST))),
      profiles: absentIfOdd(z.record(text, text)),
    }),
  ),
});

const order = z.object({
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  identifiers: z.array(identifier).check(z.maxLength(MOST)),
  authorizations: z.array(url).check(z.maxLength(MOST)),
  finalize: url,
  certificate: z.optional(url),
  error: absentIfOdd(problem),
  profile: absentIfOdd(text),
  replaces: absentIfOdd(text),
});

const challenge = z.object({ type: text, url, status: text, token: text, error: absentIfOdd(problem) });

const authorization = z.object({
  identifier,
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  wildcard: absentIfOdd(z.boolean()),
  // A kind of challenge that is unknown here may have other fields.
  challenges: z.array(absentIfOdd(challenge)).check(z.maxLength(MOST)),
});

/** @throws AcmeTransport */
export function directoryIn(answer: CaAnswer): Directory {
  return read(answer, { as: 'an ACME directory', schema: directory });
}

/** @throws AcmeTransport */
export function orderIn(answer: CaAnswer, at: string): AcmeOrder {
  const retryAfter = header(answer, 'retry-after');
  return { ...read(answer, { as: 'an order', schema: order }), url: at, ...(retryAfter && { retryAfter }) };
}

/** @throws AcmeTransport */
export function authorizationIn(answer: CaAnswer): AcmeAuthorization {
  const { challenges, ...rest } = read(answer, { as: 'an authorization', schema: authorization });
  return { ...rest, challenges: challenges.flatMap(one => one ?? []) };
}

/** The chain as PEM. @throws AcmeTransport */
export function chainIn(answer: CaAnswer): string {
  return read(answer, { as: 'a certificate', schema: z.string() });
}

/** The URL of what was made. @throws AcmeTransport */
export function locationIn(answer: CaAnswer): string {
  const { data } = url.safeParse(header(answer, 'location'));
  if (data === undefined) throw new AcmeTransport(`${answer.url} answered without a Location`);
  return data;
}

function read<T extends z.ZodMiniType>(
  { url: at, data }: CaAnswer,
  { as, schema }: { as: string; schema: T },
): z.infer<T> {
  const result = z.safeParse(schema, data);
  if (result.success) return result.data;
  const field = result.error.issues[0]!.path.join('.');
  throw new AcmeTransport(`${at} answered with what is not ${as}${field && `: ${field} is missing or odd`}`);
}

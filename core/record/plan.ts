/**
 * What the steps of secure-domain hand on: the plan for one domain, and the order at the CA.
 * Nothing in it is secret.
 */
import * as z from 'zod/mini';

/** Milliseconds since the epoch. */
const ms = z.number().check(z.nonnegative());

/** The TXT location of one name: its own zone, or the end of the CNAME at `_acme-challenge`. */
export const place = z.object({
  name: z.string(),
  zoneId: z.string(),
  zoneName: z.string(),
  recordName: z.string(),
  delegated: z.boolean(),
});

/** What ClaimDomain planned. */
export const plan = z.object({
  domain: z.string(),
  host: z.optional(z.boolean()),
  /**
   * The record's counter at the claim. A higher counter at the end means that the wish changed
   * meanwhile.
   */
  seen: z.int(),
  names: z.array(z.string()).check(z.minLength(1), z.maxLength(25)),
  servers: z.array(z.string()),
  /** Name of the issuer. The next steps use its account. */
  issuer: z.string(),
  /** True: every other issuer failed before. */
  isLastResort: z.optional(z.literal(true)),
  profile: z.optional(z.string()),
  replaces: z.optional(z.string()),
  /** One for each name without its `*.`, because a domain and its wildcard share a location. */
  places: z.array(place),
  claimedAt: ms,
});

/** An order at the CA, as far as the next steps need it (RFC 8555 §7.1.3). */
export const order = z.object({
  url: z.string(),
  finalize: z.string(),
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  names: z.array(z.string()),
  replaces: z.optional(z.string()),
  /**
   * An unused nonce of the CA, so that the next process does not have to fetch one (RFC 8555 §6.5).
   */
  nonce: z.optional(z.string()),
  challenges: z.array(
    z.object({
      name: z.string(),
      wildcard: z.boolean(),
      authorization: z.string(),
      url: z.string(),
      status: z.string(),
      recordName: z.string(),
      value: z.string(),
    }),
  ),
});

export type Plan = z.infer<typeof plan>;
export type Place = z.infer<typeof place>;

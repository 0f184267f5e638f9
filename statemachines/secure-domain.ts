/** secure-domain: each state's input and output, and the errors it throws, in the order of the road. */
import * as z from 'zod/mini';
import { caught, step } from './step.ts';

const execution = z.string().check(z.minLength(1), z.maxLength(80));
const ms = z.number().check(z.nonnegative());

/** Where one name's TXT value is really written: its own zone, or where `_acme-challenge`'s CNAME points. */
export const place = z.object({
  name: z.string(),
  zoneId: z.string(),
  zoneName: z.string(),
  recordName: z.string(),
  delegated: z.boolean(),
});

/** What ClaimDomain planned. Everything in it is public. */
export const plan = z.object({
  domain: z.string(),
  host: z.optional(z.boolean()),
  /** The record's counter when it was claimed: a higher one at the end means that the wish changed meanwhile. */
  seen: z.int(),
  names: z.array(z.string()).check(z.minLength(1), z.maxLength(25)),
  servers: z.array(z.string()),
  /** Name of the issuer; its account is the one that the next steps use. */
  issuer: z.string(),
  /** Every other one was in trouble before. */
  isLastResort: z.optional(z.literal(true)),
  profile: z.optional(z.string()),
  replaces: z.optional(z.string()),
  /** One for each name without its `*.`: a domain and its wildcard share a place. */
  places: z.array(place),
  claimedAt: ms,
});

/** An order at the CA, as far as the next steps need it (RFC 8555 §7.1.3); no secrets. */
export const order = z.object({
  url: z.string(),
  finalize: z.string(),
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  names: z.array(z.string()),
  replaces: z.optional(z.string()),
  /** Handed on from step to step, so that the next process need not fetch one (RFC 8555 §6.5). */
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

const planned = z.extend(plan, { execution });
const ordered = z.extend(plan, { order });
const published = z.extend(ordered, { until: z.string() });

/** Throws InvalidStepInput, ClaimedByAnother, DomainDeleted, RevocationWanted, ServedUnderServer, StillFresh, ImportWanted, BudgetSpent, CaaForbids, DomainNotManaged, InstallRefused, IssuerUnusable, ServerNotInspected, ServerNotRegistered. */
export const ClaimDomain = step('ClaimDomain', z.looseObject({ execution }), plan);
/** Throws AcmeRateLimited, AcmeRejected, AcmeUnavailable, IssuerUnusable. */
export const CreateOrder = step('CreateOrder', planned, ordered);
/** Throws Throttled, DomainNotManaged. */
export const PublishChallenges = step('PublishChallenges', z.extend(ordered, { execution }), published);
/** Throws DnsNotPropagated, AuthorizationPending, ChallengeFailed. */
export const Validate = step('Validate', z.extend(published, { execution }), ordered);
/** Throws CertificateUnusable, TlsaMismatch, WishChanged. */
export const FinalizeOrder = step(
  'FinalizeOrder',
  z.extend(ordered, { execution }),
  z.extend(plan, {
    certificate: z.string(),
    notAfter: ms,
    /** The servers whose work is not calm: they are woken. */
    wake: z.array(z.string()),
  }),
);
/** Throws ImportWanted. */
export const ReleaseDomain = step(
  'ReleaseDomain',
  z.extend(plan, { execution, certificate: z.optional(z.string()), wake: z.optional(z.array(z.string())) }),
  z.object({ domain: z.string(), servers: z.array(z.string()), dueAt: ms }),
);
/** Its input is a plan, or the event itself. Throws ImportQuotaSpent, ImportRefused, ImportInUse. */
export const ImportToAcm = step(
  'ImportToAcm',
  z.looseObject({ execution, domain: z.optional(z.string()) }),
  z.object({ domain: z.string(), arn: z.optional(z.string()), dueAt: ms }),
);
/** Its input is the event itself. Throws AcmeUnavailable, AcmeRateLimited, AcmeRejected, IssuerUnusable. */
export const RevokeCertificate = step(
  'RevokeCertificate',
  z.looseObject({ execution, domain: z.optional(z.string()) }),
  z.object({ domain: z.string(), revoked: z.boolean() }),
);
/** Its input is whatever the failed state had, with the error. */
export const ParkDomain = step(
  'ParkDomain',
  z.looseObject({
    execution,
    importing: z.optional(z.literal(true)),
    error: caught,
    issuer: z.optional(z.string()),
    isLastResort: z.optional(z.boolean()),
    order: z.optional(z.looseObject({ status: order.shape.status })),
    until: z.optional(z.string()),
  }),
  /** Without a next try it has left, and is retired. */
  z.object({ domain: z.string(), reason: z.string(), message: z.string(), nextTry: z.optional(ms) }),
);

export type Plan = z.infer<typeof plan>;
export type Place = z.infer<typeof place>;

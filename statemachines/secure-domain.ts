/** secure-domain: each state's input and output, and the errors it throws, in the order of the road. */
import * as z from 'zod/mini';
import { order, plan } from '../core/record/plan.ts';
import { caught } from './failure.ts';
import { step } from './step.ts';

const execution = z.string().check(z.minLength(1), z.maxLength(80));
const ms = z.number().check(z.nonnegative());

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

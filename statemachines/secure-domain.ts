/**
 * secure-domain: from an event to a certificate that is stored, with work for each server. The
 * steps stand in the order of the road. `npm run generate` draws secure-domain.asl.json from them.
 */
import * as z from 'zod/mini';
import { order, plan } from '../core/record/plan.ts';
import type { Machine } from './draw.ts';
import { caught } from './failure.ts';
import { rejection, succeed, theError, toRejection, unexpected } from './plain-states.ts';
import { step } from './step.ts';

const execution = z.string().check(z.minLength(1), z.maxLength(80));
const ms = z.number().check(z.nonnegative());
/** `certificateId` is absent in an execution that an earlier version began. */
const ordered = z.extend(plan, { order, certificateId: z.optional(z.string()) });
const published = z.extend(ordered, { until: z.string() });

/** Thrown by every step that speaks to a CA. */
const ofCa = ['AcmeRateLimited', 'AcmeRejected', 'AcmeUnavailable', 'IssuerUnusable'] as const;
/** Thrown by every step that has claimed the domain. */
const ofClaim = ['ClaimLost', 'Throttled'] as const;
/** A known reason parks the domain. After a lost claim the domain is left to the new owner. */
const toParking = { retry: 'ParkDomain', park: 'ParkDomain', ClaimLost: 'InOtherHands', unforeseen: 'ParkForPerson' };

export const ClaimDomain = /* @__PURE__ */ step('ClaimDomain', () => ({
  comment: `Records the wish and claims the domain, so that one execution at a time works for it. Plans
    the names, the place of each TXT value and the order's slot in the issuer's limits. While AWS is
    busy the wish may not be on record yet, so this step waits longer than any other: {Throttled}. Name
    servers that do not answer, or do not have a new zone yet, get {DnsNotPropagated}.`,
  input: z.looseObject({ execution }),
  output: plan,
  throws: [
    ...ofCa,
    ...ofClaim,
    'BudgetSpent',
    'CaaForbids',
    'DnsNotPropagated',
    'DomainNotManaged',
    'InstallRefused',
    'InvalidStepInput',
    'ServerNotInspected',
    'ServerNotRegistered',
  ],
  retry: { DnsNotPropagated: 'dnsIsNew', Throttled: 'nothingOnRecord' },
  lambdaBusy: 'nothingOnRecord',
  ends: {
    ClaimedByAnother: 'InOtherHands',
    StillFresh: 'StillFresh',
    StillParked: 'StillParked',
    DomainDeleted: 'DomainDeleted',
    ServedUnderServer: 'ServedUnderServer',
    ImportWanted: 'ImportToAcm',
    RevocationWanted: 'RevokeCertificate',
  },
  roads: { ...toParking, InvalidStepInput: toRejection, Throttled: 'ParkIfClaimed' },
  next: 'CreateOrder',
}));

export const CreateOrder = /* @__PURE__ */ step('CreateOrder', () => ({
  comment: `Makes an order at the CA (RFC 8555 §7.4). An order that is on record is read instead, so that
    a retry never makes a second one. A CA that is away gets {AcmeUnavailable}.`,
  input: z.extend(plan, { execution }),
  output: ordered,
  throws: [...ofCa, ...ofClaim, 'BudgetSpent', 'CaaForbids'],
  retry: { AcmeUnavailable: 'caAway', Throttled: 'awsBusyAtOrder' },
  roads: toParking,
  next: 'PublishChallenges',
}));

export const PublishChallenges = /* @__PURE__ */ step('PublishChallenges', () => ({
  comment: `Adds the TXT values to their record sets, all values of a set in one change, and keeps the
    values of others. Says until when to wait for the name servers.`,
  input: z.extend(ordered, { execution }),
  output: published,
  throws: [...ofClaim, 'AcmeRejected', 'DnsNotPropagated', 'DomainNotManaged'],
  retry: { Throttled: 'awsBusy' },
  roads: toParking,
  next: 'WaitForDns',
}));

export const Validate = /* @__PURE__ */ step('Validate', () => ({
  comment: `Asks every authoritative name server for the TXT values, then has the CA validate them and
    reads the order until the CA has decided. A server that lacks a value, and a CA that has not decided,
    get {DnsNotPropagated}.`,
  input: z.extend(published, { execution }),
  output: ordered,
  throws: [...ofCa, ...ofClaim, 'AuthorizationPending', 'CaaForbids', 'ChallengeFailed', 'DnsNotPropagated'],
  retry: {
    DnsNotPropagated: 'dnsSpreads',
    AuthorizationPending: 'dnsSpreads',
    AcmeUnavailable: 'dnsSpreads',
    Throttled: 'awsBusyAtValidate',
  },
  roads: toParking,
  next: 'FinalizeOrder',
}));

export const FinalizeOrder = /* @__PURE__ */ step('FinalizeOrder', () => ({
  comment: `Stores the key before the CSR leaves, finalizes the order, and checks the chain; a host name's
    chain also against its TLSA records. One transaction makes the certificate current and writes work
    for each server.`,
  input: z.extend(ordered, { execution }),
  output: z.extend(plan, {
    certificate: z.string(),
    notAfter: ms,
    /** Servers whose work is not calm: they are woken. */
    wake: z.array(z.string()),
  }),
  throws: [
    ...ofCa,
    ...ofClaim,
    'AuthorizationPending',
    'CaaForbids',
    'CertificateUnusable',
    'ChallengeFailed',
    'DnsNotPropagated',
    'ServerNotRegistered',
    'TlsaMismatch',
  ],
  retry: { AcmeUnavailable: 'caAtWork', AuthorizationPending: 'caAtWork', Throttled: 'awsBusyAtFinalize' },
  ends: { WishChanged: 'ReleaseDomain' },
  roads: toParking,
  next: 'ReleaseDomain',
}));

export const ReleaseDomain = /* @__PURE__ */ step('ReleaseDomain', () => ({
  comment: `Wakes the servers that have work, removes the TXT values, publishes Certificate Issued, and
    ends the claim; the record then says when the certificate is due. If the wish changed meanwhile,
    another execution is started.`,
  input: z.extend(plan, { execution, certificate: z.optional(z.string()), wake: z.optional(z.array(z.string())) }),
  output: z.object({ domain: z.string(), servers: z.array(z.string()), dueAt: ms }),
  throws: ofClaim,
  retry: { Throttled: 'awsBusy' },
  ends: { ImportWanted: 'ImportToAcm' },
  roads: { ClaimLost: 'InOtherHands', unforeseen: 'ParkForPerson' },
}));

const whileImporting = '{% $merge([$states.input, {"error": $states.errorOutput, "importing": true}]) %}';

export const ImportToAcm = /* @__PURE__ */ step('ImportToAcm', () => ({
  comment: `A detour for domains with "acm": true, and for those that had it: imports the current
    certificate under the domain's one ARN, or deletes it in ACM, and ends the claim. Other domains pay
    no transition for it. ACM takes one import a second, so a throttled one gets {Throttled}. A failure
    here is kept apart from the domain's own reasons, since its mail is served.`,
  // A plan, or the event.
  input: z.looseObject({ execution, domain: z.optional(z.string()), seen: z.optional(z.int()) }),
  output: z.object({ domain: z.string(), arn: z.optional(z.string()), dueAt: ms }),
  throws: [...ofClaim, 'ImportInUse', 'ImportQuotaSpent', 'ImportRefused'],
  retry: { Throttled: 'awsBusy' },
  roads: {
    retry: { next: 'ParkDomain', output: whileImporting },
    park: { next: 'ParkDomain', output: whileImporting },
    ClaimLost: 'InOtherHands',
    unforeseen: { next: 'ParkForPerson', output: whileImporting },
  },
}));

export const RevokeCertificate = /* @__PURE__ */ step('RevokeCertificate', () => ({
  comment: `A detour for a domain that was deleted with "revoke": true. Once no server has the
    certificate, it is revoked at the CA (RFC 8555 §7.6), and the claim ends. A CA that is away gets
    {AcmeUnavailable}.`,
  // The event.
  input: z.looseObject({ execution, domain: z.optional(z.string()) }),
  output: z.object({ domain: z.string(), revoked: z.boolean() }),
  throws: [...ofCa, ...ofClaim],
  retry: { AcmeUnavailable: 'caAway', Throttled: 'awsBusy' },
  roads: toParking,
}));

export const ParkDomain = /* @__PURE__ */ step('ParkDomain', () => ({
  comment: `A known reason: it is recorded with the time of the next try. A failed order is tried again
    1, 10 and 100 minutes later and then daily; what costs the CA nothing is tried every few minutes in the
    first hour; no wait is longer than a tenth of the life that is left of what is served. The certificate
    that is served stays served.`,
  // What the failed state had, with the error.
  input: z.looseObject({
    execution,
    importing: z.optional(z.literal(true)),
    error: caught(),
    seen: z.optional(z.int()),
    names: z.optional(z.array(z.string())),
    profile: z.optional(z.string()),
    issuer: z.optional(z.string()),
    isLastResort: z.optional(z.boolean()),
    order: z.optional(z.looseObject({ status: order.shape.status })),
    until: z.optional(z.string()),
  }),
  // A domain without a next try has left, and is retired.
  output: z.object({ domain: z.string(), reason: z.string(), message: z.string(), nextTry: z.optional(ms) }),
  throws: ofClaim,
  retry: { Throttled: 'awsBusy' },
  roads: { ClaimLost: 'InOtherHands' },
}));

export const secureDomain = (): Machine => ({
  name: 'secure-domain',
  comment: `A certificate is issued by an order: from an event to a certificate that is stored, with work
    written for each server. deliver-to-server installs it. A certificate costs seven transitions, one
    for each state from ClaimDomain to ReleaseDomain.`,
  startAt: 'ClaimDomain',
  states: {
    ...{ ClaimDomain, CreateOrder, PublishChallenges },
    WaitForDns: {
      Comment: `One wait until the time that PublishChallenges gave. Polling would cost three transitions
        a round, and a transition costs as much as seconds of a function.`,
      Type: 'Wait',
      Timestamp: '{% $states.input.until %}',
      Next: 'Validate',
    },
    ...{ Validate, FinalizeOrder, ReleaseDomain, ImportToAcm, RevokeCertificate, ParkDomain },
    ParkIfClaimed: {
      ...ParkDomain,
      comment: `AWS was busy for all of ClaimDomain's retries. A domain that was claimed is parked. If it
        was not, the wish may not be on record: the execution fails, and a person is paged, who redrives it.`,
      roads: { ClaimLost: { next: 'Unexpected', output: theError } },
    },
    ParkForPerson: {
      ...ParkDomain,
      comment: 'An error that no state names: the domain is parked, the execution fails, and a person is paged.',
      roads: { ClaimLost: { next: 'Unexpected', output: theError } },
      handsOn: theError,
      next: 'Unexpected',
    },
    Unexpected: unexpected,
    ...rejection(),
    InOtherHands: succeed(`Another execution has the domain, or the domain is not due. The wish is on
      record, where the owner of the claim will see it.`),
    StillFresh: succeed(`The domain needs no new certificate. Servers that lack the current one, and
      servers that the wish has left, got work and were woken.`),
    StillParked: succeed(`The order failed at the CA before, and the domain was tried again as often as may
      be asked for. It stays parked until its next try.`),
    DomainDeleted: succeed(`Nothing is ordered. The domain's servers got work to remove it, and its
      tombstone stands for 30 days.`),
    ServedUnderServer: succeed(`No mail server of the domain can serve by name, and no webmail needs a
      certificate. Nothing is ordered: its mail is served under its servers' host names, which the record,
      the bus and sealpost status say.`),
  },
});

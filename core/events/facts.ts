/** What sealpost says on the product's bus (`source` `sealpost`): past-tense facts, each with the schema of its detail. */
import * as z from 'zod/mini';

/** A-labels, lower case. */
const name = z.string().check(z.minLength(1), z.maxLength(253));
/** sha256 of the leaf, hex. */
const fingerprint = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const time = z.iso.datetime();
const use = z.enum(['mail', 'webmail']);
/** A name of core/errors.ts; docs/runbook.md has a heading for it. */
const reason = z.string().check(z.regex(/^[A-Z][A-Za-z]+$/));
/** For a person; in the CA's or the server's own words where they have some. */
const message = z.string();

export const facts = {
  /** A certificate is stored; its servers were given work. */
  'Certificate Issued': z.strictObject({
    domain: name,
    names: z.array(name),
    /** By its name in the setting `Issuers`. */
    issuer: z.string(),
    /** Common name of the CA's certificate that signed it. */
    issuedBy: z.string(),
    /** For a trial: nobody trusts it. */
    staging: z.optional(z.literal(true)),
    notAfter: time,
  }),
  /** It was seen served there, by a verifying handshake; `for` is there where it was provided for that alone. */
  'Certificate Installed': z.strictObject({
    domain: name,
    server: name,
    fingerprint,
    for: z.optional(use),
    seenAt: time,
  }),
  /** What an audit did not see on these ports was delivered again, and seen on each of them. */
  'Drift Repaired': z.strictObject({ domain: name, server: name, ports: z.array(z.int()) }),
  /** A look at the whole server found names that it does not serve as it should. What has drifted is delivered again. */
  'Endpoints Unverified': z.strictObject({
    server: name,
    seenFrom: z.enum(['inside', 'outside']),
    endpoints: z.int(),
    verified: z.int(),
    /** Twenty of them at the most. */
    domains: z.array(name),
    drifted: z.int(),
    silentPorts: z.array(z.int()),
  }),
  'Certificate Removed': z.strictObject({ domain: name, server: name }),
  /** It is in ACM under this ARN, which stays the same at every renewal. */
  'Certificate Imported': z.strictObject({ domain: name, arn: z.string(), notAfter: time }),
  /** At the CA, since its domain was deleted with `"revoke": true`. */
  'Certificate Revoked': z.strictObject({ domain: name, fingerprint }),
  /** A certificate from elsewhere ends, and sealpost cannot renew it: at `takenOverAt` a certificate of ours takes its place. */
  'Provided Certificate Approaching Expiration': z.strictObject({
    domain: name,
    for: z.array(use),
    fingerprint,
    issuedBy: z.string(),
    daysLeft: z.int(),
    notAfter: time,
    takenOverAt: time,
    message,
  }),
  /** It waits with its reason; with `server`, for that server alone. What is served stays served. */
  'Domain Parked': z.strictObject({
    domain: name,
    server: z.optional(name),
    reason,
    message,
    nextTry: time,
    remedy: z.optional(z.string()),
  }),
  /** It failed for a reason of its own, so many times in a row: until then the others come first, where there are others. */
  'Issuer In Trouble': z.strictObject({ issuer: z.string(), reason, message, failures: z.int(), until: time }),
  /** It has left: neither its name servers nor its challenge lead to us. What is served stays until it ends; any later word brings it back. */
  'Domain Retired': z.strictObject({ domain: name, message, servedUntil: z.optional(time) }),
  /** That server has one certificate for all names: its own host name is typed into the mail program. */
  'Domain Served Under Server': z.strictObject({
    domain: name,
    server: name,
    /** Its web server can choose by name, and has the domain's certificate for webmail. */
    webmail: z.boolean(),
    message,
  }),
  /** No delivery has come back for the second time in a row, or oftener. */
  'Server Unreachable': z.strictObject({
    server: name,
    node: z.string(),
    failures: z.int(),
    /** A reason, or one of Step Functions' own names, e.g. `States.Timeout`. */
    error: z.string(),
    nextTry: time,
  }),
  /** Nothing is sent to it any more until a person has looked. */
  'Server Held': z.strictObject({ server: name, reason: z.string() }),
  /** The event cannot be what its sender meant. The state machines put this one themselves. */
  'Request Rejected': z.strictObject({
    error: z.literal('InvalidStepInput'),
    message,
    request: z.unknown(),
    execution: z.string(),
  }),
};

export type FactName = keyof typeof facts;

/** One of them, with its detail as agreed. */
export type Fact = { [N in FactName]: { detailType: N; detail: z.infer<(typeof facts)[N]> } }[FactName];

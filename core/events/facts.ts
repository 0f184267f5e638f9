/**
 * The events that sealpost publishes on the product's bus (`source` `sealpost`): past-tense facts,
 * each with the schema of its detail. docs/events/ has them as JSON Schema.
 */
import * as z from 'zod/mini';

/** A-labels, lower case. */
const name = z.string().check(z.minLength(1), z.maxLength(253));
/** sha256 of the leaf, hex. */
const fingerprint = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const time = z.iso.datetime();
const use = z.enum(['mail', 'webmail']);
/** A name of core/errors.ts; docs/runbook.md has a heading for it. */
const reason = z.string().check(z.regex(/^[A-Z][A-Za-z]+$/));
/** For a person; in the words of the CA or the server where they gave some. */
const message = z.string();

export const facts = {
  /** A certificate is stored, and its servers have work. */
  'Certificate Issued': z.strictObject({
    domain: name,
    names: z.array(name),
    /** The issuer's name in the setting `Issuers`. */
    issuer: z.string(),
    /** Common name of the CA certificate that signed the certificate. */
    issuedBy: z.string(),
    /** The issuer is a staging one, whose certificates nobody trusts. */
    staging: z.optional(z.literal(true)),
    notAfter: time,
  }),
  /**
   * A handshake that verifies saw the certificate on the server. `for` is present if the certificate
   * was provided for this use alone.
   */
  'Certificate Installed': z.strictObject({
    domain: name,
    server: name,
    fingerprint,
    for: z.optional(use),
    seenAt: time,
  }),
  /** An audit missed the certificate on these ports; it was delivered again and seen on each. */
  'Drift Repaired': z.strictObject({ domain: name, server: name, ports: z.array(z.int()) }),
  /** An audit or an outside check found endpoints that do not serve what they should. */
  'Endpoints Unverified': z.strictObject({
    server: name,
    seenFrom: z.enum(['inside', 'outside']),
    endpoints: z.int(),
    verified: z.int(),
    /** Twenty at most. */
    domains: z.array(name),
    drifted: z.int(),
    silentPorts: z.array(z.int()),
  }),
  'Certificate Removed': z.strictObject({ domain: name, server: name }),
  /** ACM has the certificate under this ARN, which every renewal keeps. */
  'Certificate Imported': z.strictObject({ domain: name, arn: z.string(), notAfter: time }),
  /** The CA revoked the certificate, because its domain was deleted with `"revoke": true`. */
  'Certificate Revoked': z.strictObject({ domain: name, fingerprint }),
  /** Sealpost cannot renew a provided certificate: at `takenOverAt` one of ours replaces it. */
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
  /**
   * The domain waits, with a reason; with `server`, for that server only. What is served stays
   * served.
   */
  'Domain Parked': z.strictObject({
    domain: name,
    server: z.optional(name),
    reason,
    message,
    nextTry: time,
    remedy: z.optional(z.string()),
  }),
  /** The issuer failed `failures` times in a row; until `until` other issuers are asked first. */
  'Issuer In Trouble': z.strictObject({ issuer: z.string(), reason, message, failures: z.int(), until: time }),
  /**
   * Neither the domain's name servers nor its `_acme-challenge` lead to us. What is served stays
   * until it expires. Any later event brings the domain back.
   */
  'Domain Retired': z.strictObject({ domain: name, message, servedUntil: z.optional(time) }),
  /** The server has one certificate for all names, so mail programs use its host name. */
  'Domain Served Under Server': z.strictObject({
    domain: name,
    server: name,
    /** The server's web server chooses by name and has the domain's certificate for webmail. */
    webmail: z.boolean(),
    message,
  }),
  /** At least two deliveries in a row got no answer. */
  'Server Unreachable': z.strictObject({
    server: name,
    node: z.string(),
    failures: z.int(),
    /** A name of core/errors.ts, or one of Step Functions, e.g. `States.Timeout`. */
    error: z.string(),
    nextTry: time,
  }),
  /** Nothing is sent to the server until a person registers it again. */
  'Server Held': z.strictObject({ server: name, reason: z.string() }),
  /** The event is invalid. The state machines publish this one themselves. */
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

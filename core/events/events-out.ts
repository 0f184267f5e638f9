/**
 * The events out: what sealpost publishes on the product's bus (`source` `sealpost`), with the
 * schema of each event's detail, and its page in docs/events/.
 */
import * as z from 'zod/mini';
import { DAEMON_STATES } from '../record/adoption.ts';
import type { EventPage } from './events-in.ts';

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

export const eventsOut = {
  'Certificate Issued': z.strictObject({
    domain: name,
    names: z.array(name),
    issuer: z.string(),
    issuedBy: z.string(),
    staging: z.optional(z.literal(true)),
    notAfter: time,
  }),
  'Certificate Installed': z.strictObject({
    domain: name,
    server: name,
    fingerprint,
    for: z.optional(use),
    seenAt: time,
  }),
  'Drift Repaired': z.strictObject({ domain: name, server: name, ports: z.array(z.int()) }),
  'Endpoints Unverified': z.strictObject({
    server: name,
    seenFrom: z.enum(['inside', 'outside']),
    endpoints: z.int(),
    verified: z.int(),
    domains: z.array(name),
    drifted: z.int(),
    silentPorts: z.array(z.int()),
  }),
  'Certificate Removed': z.strictObject({ domain: name, server: name }),
  'Certificate Imported': z.strictObject({ domain: name, arn: z.string(), notAfter: time }),
  'Certificate Revoked': z.strictObject({ domain: name, fingerprint }),
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
  'Served Certificate Approaching Expiration': z.strictObject({
    server: name,
    count: z.int(),
    domains: z.array(name),
    notAfter: time,
    reason,
    message,
    moreServers: z.int(),
  }),
  'Domain Parked': z.strictObject({
    domain: name,
    server: z.optional(name),
    reason,
    message,
    nextTry: time,
    remedy: z.optional(z.string()),
  }),
  'Issuer In Trouble': z.strictObject({ issuer: z.string(), reason, message, failures: z.int(), until: time }),
  'Domain Retired': z.strictObject({ domain: name, message, servedUntil: z.optional(time) }),
  'Domain Served Under Server': z.strictObject({
    domain: name,
    server: name,
    webmail: z.boolean(),
    message,
  }),
  'Adoption Planned': z.strictObject({
    server: name,
    daemons: z.array(
      z.strictObject({
        daemon: z.string(),
        consent: z.union([z.literal(true), z.literal('with-losses')]),
        loses: z.optional(z.string()),
        plan: z.array(z.string()),
      }),
    ),
  }),
  'Daemon Not Adopted': z.strictObject({ server: name, daemon: z.string(), state: z.enum(DAEMON_STATES), message }),
  'Server Unreachable': z.strictObject({
    server: name,
    node: z.string(),
    failures: z.int(),
    error: z.string(),
    nextTry: time,
    page: z.optional(z.literal(true)),
  }),
  'Server Held': z.strictObject({ server: name, reason: z.string() }),
  'Request Rejected': z.strictObject({
    error: z.literal('InvalidStepInput'),
    message,
    request: z.unknown(),
    execution: z.string(),
  }),
};

export type EventOutName = keyof typeof eventsOut;

/** An event with the detail of its type. */
export type EventOut = {
  [N in EventOutName]: { detailType: N; detail: z.infer<(typeof eventsOut)[N]> };
}[EventOutName];

const domain = 'example.com';
const server = 'mx1.provider.example';
const node = 'mi-0123456789abcdef0';
const leaf = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';
const at = '2026-11-25T09:00:00.000Z';

export const pagesOut: Record<EventOutName, EventPage> = {
  'Certificate Issued': {
    meaning: 'A certificate is stored, and its servers have work.',
    example: { domain, names: [domain, '*.example.com'], issuer: 'letsencrypt', issuedBy: 'YE1', notAfter: at },
  },
  'Certificate Installed': {
    meaning: 'The certificate was seen served on this server.',
    example: { domain, server, fingerprint: leaf, seenAt: at },
  },
  'Drift Repaired': {
    meaning: 'An audit missed the certificate on these ports. It was delivered again and seen on each of them.',
    example: { domain, server, ports: [25, 465, 587] },
  },
  'Endpoints Unverified': {
    meaning:
      'An audit or an outside check found endpoints that do not serve what they should. What has drifted is delivered again.',
    example: {
      server,
      seenFrom: 'inside',
      endpoints: 412,
      verified: 408,
      domains: [domain],
      drifted: 1,
      silentPorts: [443],
    },
  },
  'Provided Certificate Approaching Expiration': {
    meaning: 'A provided certificate expires in 30, 14 or 7 days or in one day, and sealpost cannot renew it.',
    example: {
      domain,
      for: ['mail', 'webmail'],
      ...{ fingerprint: leaf, issuedBy: 'Bought CA', daysLeft: 13, notAfter: at, takenOverAt: at },
      message: 'the certificate provided for mail and webmail of example.com ends in 13 days',
    },
  },
  'Served Certificate Approaching Expiration': {
    meaning: 'What was last seen served here ends soon, and nothing newer was seen. Published once a day.',
    example: {
      ...{ server, count: 1, domains: [domain], notAfter: at, moreServers: 0 },
      ...{ reason: 'InstallBroken', message: 'example.com: mx1.provider.example is held' },
    },
  },
  'Certificate Removed': { meaning: 'The domain is no longer served on this server.', example: { domain, server } },
  'Certificate Imported': {
    meaning: 'ACM has the certificate under this ARN, which every renewal keeps.',
    example: {
      ...{ domain, notAfter: at },
      arn: 'arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012',
    },
  },
  'Certificate Revoked': {
    meaning: 'The CA revoked the certificate, because its domain was deleted with `revoke`.',
    example: { domain, fingerprint: leaf },
  },
  'Domain Parked': {
    meaning: 'The domain waits, with a reason and a next try. With `server`, it waits for that server only.',
    example: {
      domain,
      reason: 'ServerNotRegistered',
      message: 'mx1.provider.example not registered; put Mail Server Registered, and example.com goes on by itself',
      nextTry: at,
      remedy: 'park',
    },
  },
  'Issuer In Trouble': {
    meaning: 'A CA failed for a reason of its own. Until `until` other issuers are asked first.',
    example: {
      ...{ issuer: 'letsencrypt', reason: 'AcmeUnavailable', failures: 1, until: at },
      message: 'The CA could not be reached: connect ETIMEDOUT.',
    },
  },
  'Domain Served Under Server': {
    meaning:
      'The server cannot choose a certificate by name, so mail programs use its host name. With `webmail`, its web server can, and has a certificate for webmail.',
    example: {
      domain,
      server,
      webmail: false,
      message: 'mail of example.com is served under mx1.provider.example: type this host name into the mail program',
    },
  },
  'Domain Retired': {
    meaning: 'The domain has left for good and is re-evaluated no longer. Any later event brings it back.',
    example: { domain, message: '_acme-challenge.example.com is not delegated to us.', servedUntil: at },
  },
  'Adoption Planned': {
    meaning:
      'An inspection has a plan for these daemons and writes it once the registration consents: `adopt` of Mail Server Changed as `consent` says.',
    example: {
      server,
      daemons: [
        {
          daemon: 'postfix',
          consent: true,
          plan: ['/etc/postfix/main.cf:31 + tls_server_sni_maps = lmdb:/etc/sealpost/sni', 'costs one reload'],
        },
      ],
    },
  },
  'Daemon Not Adopted': {
    meaning:
      'A daemon of the server cannot be adopted, or its adoption was undone, or it is adopted and answers no more. The other daemons go on.',
    example: {
      ...{ server, daemon: 'postfix', state: 'refused' },
      message: '/etc/postfix/master.cf:21: this service has a certificate of its own; take it out',
    },
  },
  'Server Unreachable': {
    meaning: 'Deliveries to the server failed at least twice in a row.',
    example: { server, node, failures: 2, error: 'ServerUnreachable', nextTry: at },
  },
  'Server Held': {
    meaning: 'Nothing is sent to the server until a person registers it again.',
    example: { server, reason: 'mx1.provider.example could not put back what it served before delivery 7' },
  },
  'Request Rejected': {
    meaning: 'An event is invalid, and nothing was done.',
    example: {
      error: 'InvalidStepInput',
      message: 'detail.mailServers is missing; give a list of the host names of registered mail servers',
      request: { domain },
      execution: '1f2e3d4c-5b6a-7988-a7b6-c5d4e3f2a1b0',
    },
  },
};

/** The meaning of each field, in all events that have the field. */
export const fieldsOut: Record<string, string> = {
  arn: 'the ARN in ACM, which every renewal keeps',
  daemon: 'the daemon, by the name of its adapter',
  daemons: 'the daemons that wait, each with the exact change, what it costs and what it would lose',
  daysLeft: 'whole days until the certificate expires',
  domain: 'the domain, in lower case, as an A-label',
  domains: 'some of the domains that are not served as they should be, twenty at most',
  drifted: 'how many domains are not served as they should be',
  endpoints: 'how many endpoints (a name on a port) were checked',
  error: 'an error name of the runbook, or one of Step Functions, e.g. "States.Timeout"',
  execution: 'the name of the execution that refused the event',
  failures: 'how many times in a row it failed',
  fingerprint: 'SHA-256 of the leaf certificate (DER), in hexadecimal digits',
  for: 'what a provided certificate is for; absent where the certificate is one of ours',
  issuedBy: 'common name of the CA certificate that signed the certificate',
  issuer: 'the name of the issuer in the setting Issuers',
  message: 'for a person; in the words of the CA or the server where they gave some',
  names: 'the names in the certificate',
  nextTry: 'when the next try is due',
  node: 'the managed node on which the server runs',
  page: 'a person is paged: once in a row of failures, at the sixth',
  notAfter: 'when the certificate expires',
  ports: 'the ports on which the certificate was missing',
  reason: 'an error name, which is a heading of the runbook',
  remedy: 'what happens after this error: "retry", "park", "rolled back" or "page"',
  request: 'the event as it came',
  seenAt: 'when the handshake saw the certificate',
  seenFrom: '"inside" for an audit, which the server makes itself, "outside" for a check by a function',
  servedUntil: 'when the certificate that is still served expires; absent where none is',
  server: 'the host name of the server',
  silentPorts: 'ports that answered TLS at the last inspection and did not answer now',
  staging: 'true where the issuer is a staging one, whose certificates nobody trusts',
  state:
    'what became of the daemon: "refused" before anything was written, "undone" or "broken" after, "dead" where it is adopted and silent',
  takenOverAt: 'when a certificate of ours takes the place of the provided one',
  until: 'until when other issuers are asked first',
  verified: 'how many of the endpoints serve what they should',
  webmail: 'true where the web server of this server has a certificate for webmail by name',
};

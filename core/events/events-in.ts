/**
 * The events in: what a sender may put on the bus, with the schema of each event's detail, and its
 * page in docs/events/.
 */
import * as z from 'zod/mini';

const text = z.string().check(z.minLength(1), z.maxLength(253));

export const domainWish = z.strictObject({
  domain: text,
  mailServers: z.array(text).check(z.minLength(1), z.maxLength(100)),
  policy: z.optional(z.enum(['wildcard', 'list'])),
  names: z.optional(z.array(text).check(z.minLength(1))),
  webmailServer: z.optional(text),
  acm: z.optional(z.boolean()),
  profile: z.optional(z.string().check(z.regex(/^[a-z0-9-]{1,40}$/))),
  issuer: z.optional(z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/))),
  version: z.optional(z.int().check(z.minimum(1))),
});

export type DomainWish = z.infer<typeof domainWish>;

export const domainDeletion = z.strictObject({
  domain: text,
  revoke: z.optional(z.boolean()),
  version: domainWish.shape.version,
});

const nodeId = z.string().check(z.regex(/^m?i-([0-9a-f]{8}|[0-9a-f]{17})$/));

export const serverDetail = z.strictObject({
  server: text,
  node: nodeId,
  adopt: z.optional(z.union([z.boolean(), z.literal('with-losses')])),
  role: z.optional(z.string().check(z.regex(/^[\w+=,.@-]{1,64}$/))),
  webmail: z.optional(
    z.strictObject({
      file: z.string().check(z.regex(/^\/[A-Za-z0-9.\/_+@=-]{1,250}$/)),
      name: z.string().check(z.regex(/^[A-Za-z0-9.*_-]{1,253}$/)),
    }),
  ),
  leaveOut: z.optional(
    z.array(z.string().check(z.regex(/^[a-z][a-z0-9-]{0,31}$/))).check(z.minLength(1), z.maxLength(10)),
  ),
  servesByName: z.optional(z.literal(false)),
});

export const serverRetirement = z.strictObject({ server: text, node: z.optional(nodeId) });

export const expiring = z.strictObject({ domain: z.optional(text), server: z.optional(text) });

/** Events that start secure-domain. */
const domainEvents = {
  'Domain Created': domainWish,
  'Domain Changed': domainWish,
  'Domain Deleted': domainDeletion,
  'Certificate Expiring': expiring,
};

/** Events that start register-server. */
export const serverEvents = {
  'Mail Server Registered': serverDetail,
  'Mail Server Changed': serverDetail,
  'Mail Server Retired': serverRetirement,
};

export const eventsIn = { ...domainEvents, ...serverEvents };
export type EventInName = keyof typeof eventsIn;

/** The form of each field of an event or of its detail, for the sender of an invalid value. */
export const wanted: Record<string, string> = {
  'detail-type': `one of ${Object.keys(eventsIn).join(', ')}`,
  time: 'an ISO 8601 time; EventBridge fills it in',
  detail: 'a JSON object',
  domain: 'the registered domain, e.g. "example.com"',
  mailServers: 'a list of the host names of registered mail servers, e.g. ["mx1.provider.example"]',
  policy: '"wildcard" (the default) or "list"',
  names:
    'with "policy":"list", a list of labels under the domain, e.g. ["mail","webmail"], or "@" for the domain itself',
  webmailServer: 'the host name of a registered server, or leave it out',
  acm: 'true to have each certificate imported into ACM, too; or leave it out',
  profile: 'the name of an ACME profile that the CA offers, or leave it out',
  issuer: 'the name of an issuer in the setting Issuers, or leave it out',
  revoke: 'true to have its certificate revoked at the CA, or leave it out',
  version: 'a whole number from 1, higher for each change, or leave it out',
  server: 'the host name of the mail server, e.g. "mx1.provider.example"',
  node: 'the managed node id that Systems Manager shows: "i-" or "mi-" and 8 or 17 hexadecimal digits',
  adopt:
    'true to let sealpost write the lines of its plan into the mail server\'s configuration, "with-losses" to consent also to what the plan says would be lost, or leave it out',
  webmail:
    'which site of the web server is the webmail of the provider, {"file":…,"name":…}: the file of its configuration and one of its names; or leave it out if one site alone has a name of this server',
  'webmail.file':
    'the absolute path of the file with the site of the webmail, without spaces, e.g. "/etc/web/sites/webmail.conf"',
  'webmail.name': 'one of the names of the site of the webmail, e.g. "webmail.provider.example"',
  leaveOut:
    'a list of software on the server that sealpost leaves as it is, by the names that `sealpost status` shows, or leave the field out',
  servesByName:
    'false for mail software that has one certificate for all names, or leave it out: inspection finds out what the software can do',
  role: 'the name of the IAM role that the instance runs with, or leave it out',
};

/** A page of docs/events/. No function reads the pages, and the bundler leaves them out. */
export interface EventPage {
  meaning: string;
  example: Record<string, unknown>;
}

const domain = 'example.com';
const server = 'mx1.provider.example';
const node = 'mi-0123456789abcdef0';

export const pagesIn: Record<EventInName, EventPage> = {
  'Domain Created': {
    meaning: 'The complete wish for a domain: servers, names, options.',
    example: { domain, mailServers: [server], webmailServer: 'web1.provider.example', version: 1 },
  },
  'Domain Changed': {
    meaning: 'The complete wish again, which replaces the earlier one. A move is another list of servers.',
    example: { domain, mailServers: [server], policy: 'list', names: ['@', 'mail', 'webmail'], version: 2 },
  },
  'Domain Deleted': {
    meaning: 'The domain is removed from its servers and renewed no longer.',
    example: { domain, version: 3 },
  },
  'Certificate Expiring': {
    meaning: 'Re-evaluates a domain now, or the host name of a server.',
    example: { domain },
  },
  'Mail Server Registered': {
    meaning: 'The mail server runs on this managed node.',
    example: { server, node, adopt: true },
  },
  'Mail Server Changed': {
    meaning: 'The same as Mail Server Registered, for a server that was rebuilt or that is to be adopted.',
    example: { server, node, adopt: true },
  },
  'Mail Server Retired': {
    meaning: 'The server gets no more deliveries. Its domains park until they are moved, or until the server is back.',
    example: { server, node },
  },
};

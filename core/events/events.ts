/** What may be said to sealpost: the details of events in, checked, with an error that names the field, the problem and the remedy. */
import * as z from 'zod/mini';
import { parseDomain, parseHostName, planNames } from '../certificate/names.ts';
import { deletionOf, type Wish } from '../record/domain.ts';
import { SealpostError } from '../errors.ts';

/** The sender sets an event's time, and a later word wins: one from far in the future would silence every later one. */
const MAX_AHEAD_MS = 300_000;

const text = z.string().check(z.minLength(1), z.maxLength(253));

const domainWish = z.strictObject({
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

const domainDeletion = z.strictObject({
  domain: text,
  revoke: z.optional(z.boolean()),
  version: domainWish.shape.version,
});

const nodeId = z.string().check(z.regex(/^m?i-([0-9a-f]{8}|[0-9a-f]{17})$/));

const serverDetail = z.strictObject({
  server: text,
  node: nodeId,
  adopt: z.optional(z.boolean()),
  role: z.optional(z.string().check(z.regex(/^[\w+=,.@-]{1,64}$/))),
  servesByName: z.optional(z.literal(false)),
});

const serverRetirement = z.strictObject({ server: text, node: z.optional(nodeId) });

const expiring = z.strictObject({ domain: z.optional(text), server: z.optional(text) });

/** What may be said, by detail-type; docs/events/ has them as JSON Schema. */
export const requests = {
  'Domain Created': domainWish,
  'Domain Changed': domainWish,
  'Domain Deleted': domainDeletion,
  'Certificate Expiring': expiring,
  'Mail Server Registered': serverDetail,
  'Mail Server Changed': serverDetail,
  'Mail Server Retired': serverRetirement,
};

/** `look` is ours alone (core/work/re-evaluate.ts): EventBridge makes the envelope, a sender its detail. */
const envelope = z.object({
  'detail-type': z.string(),
  time: z.string(),
  detail: z.unknown(),
  look: z.optional(z.literal('due')),
});

/** What each field wants, for the sender of a bad one. */
export const wanted: Record<string, string> = {
  'detail-type': `one of ${Object.keys(requests).join(', ')}`,
  time: 'an ISO 8601 time; EventBridge fills it in',
  detail: 'a JSON object',
  'detail.domain': 'the registered domain, e.g. "example.com"',
  'detail.mailServers': 'a list of the host names of registered mail servers, e.g. ["mx1.provider.example"]',
  'detail.policy': '"wildcard" (the default) or "list"',
  'detail.names':
    'with "policy":"list", a list of labels under the domain, e.g. ["mail","webmail"], or "@" for the domain itself',
  'detail.webmailServer': 'the host name of a registered server, or leave it out',
  'detail.acm': 'true to have each certificate imported into ACM, too; or leave it out',
  'detail.profile': 'the name of an ACME profile that the CA offers, or leave it out',
  'detail.issuer': 'the name of an issuer in the setting Issuers, or leave it out',
  'detail.revoke': 'true to have its certificate revoked at the CA, or leave it out',
  'detail.version': 'a whole number from 1, higher for each change, or leave it out',
  'detail.server': 'the host name of the mail server, e.g. "mx1.provider.example"',
  'detail.node': 'the managed node id that Systems Manager shows: "i-" or "mi-" and 8 or 17 hexadecimal digits',
  'detail.adopt': "true to let sealpost write its lines into the mail server's configuration, or leave it out",
  'detail.servesByName':
    'false for mail software that has one certificate for all names, or leave it out: inspection finds out what the software can do',
  'detail.role': 'the name of the IAM role that the instance runs with, or leave it out',
};

export type DomainRequest =
  | { kind: 'wish'; wish: Wish; said: { at: number; version?: number } }
  | { kind: 'look'; domain: string; isOurs?: true };

/**
 * @param event the EventBridge envelope, as an execution's input
 * @throws SealpostError InvalidStepInput
 */
export function parseDomainEvent(event: unknown, now = Number.POSITIVE_INFINITY): DomainRequest {
  const outer = parse(envelope, event, '', 'unknown');
  const at = parseTime(outer.time, now);
  switch (outer['detail-type']) {
    case 'Domain Created':
    case 'Domain Changed': {
      const detail = parse(domainWish, outer.detail, 'detail', nameIn(outer.detail));
      return { kind: 'wish', wish: parseWish(detail), said: { at, version: detail.version } };
    }
    case 'Domain Deleted': {
      const detail = parse(domainDeletion, outer.detail, 'detail', nameIn(outer.detail));
      const domain = parseDomain(detail.domain, { field: 'detail.domain' });
      return {
        kind: 'wish',
        wish: deletionOf(domain, { revoke: detail.revoke }),
        said: { at, version: detail.version },
      };
    }
    case 'Certificate Expiring': {
      const detail = parse(expiring, outer.detail, 'detail', nameIn(outer.detail));
      if ((detail.domain === undefined) === (detail.server === undefined))
        throw invalid(
          'detail',
          'names neither or both of domain and server',
          'give exactly one: {"domain":"example.com"} or {"server":"mx1.provider.example"}',
          nameIn(outer.detail),
        );
      return {
        kind: 'look',
        domain: detail.domain
          ? parseDomain(detail.domain, { field: 'detail.domain' })
          : parseHostName(detail.server!, { field: 'detail.server' }),
        ...(outer.look === 'due' && { isOurs: true as const }),
      };
    }
    default:
      throw invalid(
        'detail-type',
        `"${outer['detail-type']}" is not known`,
        `give ${wanted['detail-type']}`,
        nameIn(outer.detail),
      );
  }
}

function parseWish(detail: z.infer<typeof domainWish>): Wish {
  const domain = parseDomain(detail.domain, { field: 'detail.domain' });
  const policy = detail.policy ?? 'wildcard';
  if (policy === 'wildcard' && detail.names)
    throw invalid(
      'detail.names',
      'is given although the policy is "wildcard"',
      'leave it out, or say "policy":"list"',
      domain,
    );
  const wish: Wish = {
    domain,
    mailServers: [
      ...new Set(detail.mailServers.map((name, i) => parseHostName(name, { field: `detail.mailServers[${i}]` }))),
    ],
    policy,
    ...(detail.names && { names: detail.names }),
    ...(detail.webmailServer && {
      webmailServer: parseHostName(detail.webmailServer, { field: 'detail.webmailServer' }),
    }),
    ...(detail.profile && { profile: detail.profile }),
    ...(detail.issuer && { issuer: detail.issuer }),
    ...(detail.acm && { acm: true as const }),
  };
  planNames(wish);
  return wish;
}

export interface Registration {
  kind: 'registered';
  server: string;
  node: string;
  adopt: boolean;
  role?: string;
  servesByName?: false;
  at: number;
}

export interface Retirement {
  kind: 'retired';
  server: string;
  /** The instance that is meant; without it whichever the server runs on. */
  node?: string;
  at: number;
}

/**
 * @param event the EventBridge envelope of Mail Server Registered, Changed or Retired
 * @throws SealpostError InvalidStepInput
 */
export function parseServerEvent(event: unknown, now = Number.POSITIVE_INFINITY): Registration | Retirement {
  const outer = parse(envelope, event, '', 'unknown');
  const at = parseTime(outer.time, now);
  if (outer['detail-type'] === 'Mail Server Retired') {
    const { server, node } = parse(serverRetirement, outer.detail, 'detail', nameIn(outer.detail));
    return { kind: 'retired', server: parseHostName(server, { field: 'detail.server' }), ...(node && { node }), at };
  }
  const detail = parse(serverDetail, outer.detail, 'detail', nameIn(outer.detail));
  const server = parseHostName(detail.server, { field: 'detail.server' });
  return {
    kind: 'registered',
    server,
    node: detail.node,
    adopt: detail.adopt ?? false,
    ...(detail.role && { role: detail.role }),
    ...(detail.servesByName === false && { servesByName: false as const }),
    at,
  };
}

function parseTime(time: string, now: number): number {
  const at = Date.parse(time);
  if (Number.isNaN(at)) throw invalid('time', `"${time}" is not a time`, `give ${wanted['time']}`, 'unknown');
  if (at > now + MAX_AHEAD_MS)
    throw invalid('time', `${time} is in the future`, 'mend the clock of the sender', 'unknown');
  return at;
}

function parse<T extends z.ZodMiniType>(schema: T, value: unknown, at: string, about: string): z.infer<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [at, ...issue.path.map(String), unknownKey]
    .filter(part => part)
    .join('.')
    .replace(/\.(\d+)/g, '[$1]');
  const given = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
  const field = path.replace(/\[\d+\]$/, '');
  if (unknownKey) throw invalid(path, 'is not a field of this event', 'leave it out, or correct its name', about);
  throw invalid(
    path || 'event',
    given === undefined ? 'is missing' : `${JSON.stringify(given).slice(0, 80)} is not valid`,
    wanted[field] ? `give ${wanted[field]}` : 'the README lists the fields',
    about,
  );
}

/** Names and values of a sender's are quoted, but not at any length: Step Functions cuts a Cause at 32,768 characters. */
function invalid(field: string, problem: string, remedy: string, about: string): SealpostError {
  return new SealpostError('InvalidStepInput', about, `${field.slice(0, 120)} ${problem}; ${remedy}`);
}

function nameIn(detail: unknown): string {
  const { domain, server } = (detail ?? {}) as { domain?: unknown; server?: unknown };
  return String(domain ?? server ?? 'unknown').slice(0, 253);
}

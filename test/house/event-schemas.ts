/**
 * docs/events/, from the code's own schemas: for each event one JSON Schema of its detail, with an
 * example. test/road/examples.ts publishes the examples on the bus.
 */
import { format } from 'prettier';
import * as z from 'zod/mini';
import { requests, wanted } from '../../core/events/events.ts';
import { facts } from '../../core/events/facts.ts';
import { json } from './sources.ts';

const directory = 'docs/events';

interface Described {
  what: string;
  example: Record<string, unknown>;
}

const [domain, server, node] = ['example.com', 'mx1.provider.example', 'mi-0123456789abcdef0'];
const time = '2026-11-25T09:00:00.000Z';

/** Sent by the provider's panel, or by a person. */
export const requestExamples: Record<keyof typeof requests, Described> = {
  'Domain Created': {
    what: 'The complete wish for a domain: servers, names, options.',
    example: { domain, mailServers: [server], webmailServer: 'web1.provider.example', version: 1 },
  },
  'Domain Changed': {
    what: 'The complete wish again, which replaces the earlier one. A move is another list of servers.',
    example: { domain, mailServers: [server], policy: 'list', names: ['@', 'mail', 'webmail'], version: 2 },
  },
  'Domain Deleted': {
    what: 'The domain is removed from its servers and renewed no longer.',
    example: { domain, version: 3 },
  },
  'Certificate Expiring': {
    what: 'Re-evaluates a domain now, or the host name of a server.',
    example: { domain },
  },
  'Mail Server Registered': {
    what: 'The mail server runs on this managed node.',
    example: { server, node, adopt: true },
  },
  'Mail Server Changed': {
    what: 'The same as Mail Server Registered, for a server that was rebuilt or that is to be adopted.',
    example: { server, node, adopt: true },
  },
  'Mail Server Retired': {
    what: 'The server gets no more deliveries. Its domains park until they are moved, or until the server is back.',
    example: { server, node },
  },
};

/** Published by sealpost, `source` `sealpost`. */
export const factExamples: Record<keyof typeof facts, Described> = {
  'Certificate Issued': {
    what: 'A certificate is stored, and its servers have work.',
    example: { domain, names: [domain, `*.${domain}`], issuer: 'letsencrypt', issuedBy: 'YE1', notAfter: time },
  },
  'Certificate Installed': {
    what: 'The certificate was seen served on this server.',
    example: { domain, server, fingerprint: '0123456789abcdef'.repeat(4), seenAt: time },
  },
  'Drift Repaired': {
    what: 'An audit missed the certificate on these ports. It was delivered again and seen on each of them.',
    example: { domain, server, ports: [25, 465, 587] },
  },
  'Endpoints Unverified': {
    what: 'An audit or an outside check found endpoints that do not serve what they should. What has drifted is delivered again.',
    example: {
      ...{ server, seenFrom: 'inside', endpoints: 412, verified: 408 },
      ...{ domains: [domain], drifted: 1, silentPorts: [443] },
    },
  },
  'Provided Certificate Approaching Expiration': {
    what: 'A provided certificate expires in 30, 14 or 7 days or in one day, and sealpost cannot renew it.',
    example: {
      ...{ domain, for: ['mail', 'webmail'], fingerprint: '0123456789abcdef'.repeat(4), issuedBy: 'Bought CA' },
      ...{ daysLeft: 13, notAfter: time, takenOverAt: '2026-11-18T09:00:00.000Z' },
      message: `the certificate provided for mail and webmail of ${domain} ends in 13 days`,
    },
  },
  'Certificate Removed': { what: 'The domain is no longer served on this server.', example: { domain, server } },
  'Certificate Imported': {
    what: 'ACM has the certificate under this ARN, which every renewal keeps.',
    example: {
      domain,
      arn: 'arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012',
      notAfter: time,
    },
  },
  'Certificate Revoked': {
    what: 'The CA revoked the certificate, because its domain was deleted with `revoke`.',
    example: { domain, fingerprint: '0123456789abcdef'.repeat(4) },
  },
  'Domain Parked': {
    what: 'The domain waits, with a reason and a next try. With `server`, it waits for that server only.',
    example: {
      domain,
      reason: 'ServerNotRegistered',
      message: `${server} not registered; put Mail Server Registered, and ${domain} goes on by itself`,
      nextTry: time,
      remedy: 'park',
    },
  },
  'Issuer In Trouble': {
    what: 'A CA failed for a reason of its own. Until `until` other issuers are asked first.',
    example: {
      issuer: 'letsencrypt',
      reason: 'AcmeUnavailable',
      message: 'The CA could not be reached: connect ETIMEDOUT.',
      failures: 1,
      until: time,
    },
  },
  'Domain Served Under Server': {
    what: 'The server cannot choose a certificate by name, so mail programs use its host name. With `webmail`, its web server can, and has a certificate for webmail.',
    example: {
      domain,
      server,
      webmail: false,
      message: `mail of ${domain} is served under ${server}: type this host name into the mail program`,
    },
  },
  'Domain Retired': {
    what: 'The domain has left for good and is re-evaluated no longer. Any later event brings it back.',
    example: { domain, message: `_acme-challenge.${domain} is not delegated to us.`, servedUntil: time },
  },
  'Server Unreachable': {
    what: 'Deliveries to the server failed at least twice in a row.',
    example: { server, node, failures: 2, error: 'ServerUnreachable', nextTry: time },
  },
  'Server Held': {
    what: 'Nothing is sent to the server until a person registers it again.',
    example: { server, reason: `${server} could not put back what it served before delivery 7` },
  },
  'Request Rejected': {
    what: 'An event is invalid, and nothing was done.',
    example: {
      error: 'InvalidStepInput',
      message: 'detail.mailServers is missing; give a list of the host names of registered mail servers',
      request: { domain },
      execution: '1f2e3d4c-5b6a-7988-a7b6-c5d4e3f2a1b0',
    },
  },
};

/** What each field of an event out means, keyed as `wanted` is. */
const meaning: Record<string, string> = Object.fromEntries(
  Object.entries({
    arn: 'the ARN in ACM, which every renewal keeps',
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
    takenOverAt: 'when a certificate of ours takes the place of the provided one',
    until: 'until when other issuers are asked first',
    verified: 'how many of the endpoints serve what they should',
    webmail: 'true where the web server of this server has a certificate for webmail by name',
  }).map(([field, text]) => [`detail.${field}`, text]),
);
/** `reason` of this event is a sentence. */
const heldBecause = { 'detail.reason': 'why, for a person' };

export const fileOf = (event: string) => `${event.toLowerCase().replaceAll(' ', '-')}.json`;

/** @returns path → content */
export async function eventFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const add = async (event: string, schema: z.ZodMiniType, { what, example }: Described, fields: typeof wanted) =>
    files.set(`${directory}/${fileOf(event)}`, await text(schemaOf(event, schema, what, example, fields)));
  for (const [event, schema] of Object.entries(requests))
    await add(event, schema, requestExamples[event as keyof typeof requests], wanted);
  for (const [event, schema] of Object.entries(facts))
    await add(event, schema, factExamples[event as keyof typeof facts], {
      ...meaning,
      ...(event === 'Server Held' && heldBecause),
    });
  files.set(`${directory}/README.md`, await format(page(), { ...json('.prettierrc.json'), parser: 'markdown' }));
  return files;
}

function schemaOf(event: string, schema: z.ZodMiniType, what: string, example: object, fields: typeof wanted): object {
  const { $schema, properties = {}, ...rest } = z.toJSONSchema(schema);
  const described = Object.entries(properties).map(([name, property]) => {
    const description = fields[`detail.${name}`];
    return [name, { ...(description && { description }), ...(property as object) }];
  });
  return {
    $schema,
    title: event,
    description: what,
    ...rest,
    properties: Object.fromEntries(described),
    examples: [example],
  };
}

function page(): string {
  const rows = (examples: Record<string, Described>) =>
    Object.entries(examples).map(([event, { what }]) => `| [\`${event}\`](${fileOf(event)}) | ${what} |`);
  return `# Events

JSON Schema of each event's \`detail\`, with an example. \`npm run generate\` writes these files from
the code's own schemas.

**In**: sent to the stack's bus by a role that the deploy named. \`source\` is yours, and must not
be \`sealpost\`.

| detail-type | meaning |
| --- | --- |
${rows(requestExamples).join('\n')}

**Out**: \`source\` is \`sealpost\`. Each event is published at least once: a retry may
publish it again.

| detail-type | meaning |
| --- | --- |
${rows(factExamples).join('\n')}
`;
}

async function text(content: object): Promise<string> {
  return format(JSON.stringify(content), { ...json('.prettierrc.json'), parser: 'json' });
}

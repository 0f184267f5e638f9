/**
 * `npm run events`: writes docs/events/ from the code's own schemas, one JSON Schema (of the detail) an event, each with
 * an example. test/house/events.test.ts fails while they are stale, test/road/examples.ts puts the examples on the bus.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import * as z from 'zod/mini';
import { requests, wanted } from '../../core/events/events.ts';
import { facts } from '../../core/events/facts.ts';
import { checkout, json } from './sources.ts';

export const directory = 'docs/events';

interface Described {
  what: string;
  example: Record<string, unknown>;
}

const [domain, server, node] = ['example.com', 'mx1.provider.example', 'mi-0123456789abcdef0'];
const time = '2026-11-25T09:00:00.000Z';

/** Put by the provider's panel, or by a person. */
export const requestExamples: Record<keyof typeof requests, Described> = {
  'Domain Created': {
    what: 'The whole wish for a domain.',
    example: { domain, mailServers: [server], webmailServer: 'web1.provider.example', version: 1 },
  },
  'Domain Changed': {
    what: 'The whole wish again, as it is from now on: a move is another list of servers.',
    example: { domain, mailServers: [server], policy: 'list', names: ['@', 'mail', 'webmail'], version: 2 },
  },
  'Domain Deleted': { what: 'It is removed from its servers, and not renewed.', example: { domain, version: 3 } },
  'Certificate Expiring': {
    what: 'Look at it now: either a domain, or the host name of a server.',
    example: { domain },
  },
  'Mail Server Registered': {
    what: 'This managed node is that mail server.',
    example: { server, node, adopt: true },
  },
  'Mail Server Changed': {
    what: 'The same: another instance has the name now, or it is to be adopted.',
    example: { server, node, adopt: true },
  },
  'Mail Server Retired': { what: 'Nothing is sent to it any more; its domains are told.', example: { server, node } },
};

/** Put by sealpost, `source` `sealpost`. */
export const factExamples: Record<keyof typeof facts, Described> = {
  'Certificate Issued': {
    what: 'A certificate is stored, and its servers were given work.',
    example: { domain, names: [domain, `*.${domain}`], issuer: 'letsencrypt', issuedBy: 'YE1', notAfter: time },
  },
  'Certificate Installed': {
    what: 'It was seen served there.',
    example: { domain, server, fingerprint: '0123456789abcdef'.repeat(4), seenAt: time },
  },
  'Drift Repaired': {
    what: 'What the audit did not see on these ports was delivered again, and seen on each.',
    example: { domain, server, ports: [25, 465, 587] },
  },
  'Endpoints Unverified': {
    what: 'A look at the whole server found names that it does not serve as it should; what has drifted is delivered again.',
    example: {
      ...{ server, seenFrom: 'inside', endpoints: 412, verified: 408 },
      ...{ domains: [domain], drifted: 1, silentPorts: [443] },
    },
  },
  'Provided Certificate Approaching Expiration': {
    what: 'A certificate from elsewhere ends in 30, 14, 7 days or one, and cannot be renewed here.',
    example: {
      ...{ domain, for: ['mail', 'webmail'], fingerprint: '0123456789abcdef'.repeat(4), issuedBy: 'Bought CA' },
      ...{ daysLeft: 13, notAfter: time, takenOverAt: '2026-11-18T09:00:00.000Z' },
      message: `the certificate provided for mail and webmail of ${domain} ends in 13 days`,
    },
  },
  'Certificate Removed': { what: 'It is served there no more.', example: { domain, server } },
  'Certificate Imported': {
    what: 'ACM has it under this ARN, the same at every renewal.',
    example: {
      domain,
      arn: 'arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012',
      notAfter: time,
    },
  },
  'Certificate Revoked': {
    what: 'The CA has revoked it, since its domain was deleted so.',
    example: { domain, fingerprint: '0123456789abcdef'.repeat(4) },
  },
  'Domain Parked': {
    what: 'It waits with its reason and a next try (with `server`: for that server alone).',
    example: {
      domain,
      reason: 'ServerNotRegistered',
      message: `${server} not registered; put Mail Server Registered, and ${domain} goes on by itself`,
      nextTry: time,
      remedy: 'park',
    },
  },
  'Issuer In Trouble': {
    what: 'A CA failed for a reason of its own; until then the others come first, where there are others.',
    example: {
      issuer: 'letsencrypt',
      reason: 'AcmeUnavailable',
      message: 'The CA could not be reached: connect ETIMEDOUT.',
      failures: 1,
      until: time,
    },
  },
  'Domain Served Under Server': {
    what: 'That server cannot choose a certificate by name: its own host name is typed into the mail program (`webmail`: its web server can, and has a certificate for that).',
    example: {
      domain,
      server,
      webmail: false,
      message: `mail of ${domain} is served under ${server}: type this host name into the mail program`,
    },
  },
  'Domain Retired': {
    what: 'It has left for good, and is looked at no more; any later word brings it back.',
    example: { domain, message: `_acme-challenge.${domain} is not delegated to us.`, servedUntil: time },
  },
  'Server Unreachable': {
    what: 'Deliveries to it come to nothing, twice in a row or oftener.',
    example: { server, node, failures: 2, error: 'ServerUnreachable', nextTry: time },
  },
  'Server Held': {
    what: 'Nothing more is sent to it until a person has looked.',
    example: { server, reason: `${server} could not put back what it served before delivery 7` },
  },
  'Request Rejected': {
    what: 'An event cannot be what its sender meant.',
    example: {
      error: 'InvalidStepInput',
      message: 'detail.mailServers is missing; give a list of the host names of registered mail servers',
      request: { domain },
      execution: '1f2e3d4c-5b6a-7988-a7b6-c5d4e3f2a1b0',
    },
  },
};

export const fileOf = (event: string) => `${event.toLowerCase().replaceAll(' ', '-')}.json`;

/** @returns what each file of docs/events/ has to say */
export async function eventFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const add = async (event: string, schema: z.ZodMiniType, { what, example }: Described, fields: typeof wanted) =>
    files.set(fileOf(event), await text(schemaOf(event, schema, what, example, fields)));
  for (const [event, schema] of Object.entries(requests))
    await add(event, schema, requestExamples[event as keyof typeof requests], wanted);
  for (const [event, schema] of Object.entries(facts))
    await add(event, schema, factExamples[event as keyof typeof facts], {});
  files.set('README.md', await format(page(), { ...json('.prettierrc.json'), parser: 'markdown' }));
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

JSON Schema of each event's \`detail\`, with an example (\`npm run events\` makes these files from the code's own schemas).

**In**: put on the stack's bus by a role that was named at deploy; \`source\` is yours, and not \`sealpost\`.

| detail-type | says |
| --- | --- |
${rows(requestExamples).join('\n')}

**Out**: \`source\` is \`sealpost\`. Each is said at least once: a retry may say it again.

| detail-type | says |
| --- | --- |
${rows(factExamples).join('\n')}
`;
}

async function text(content: object): Promise<string> {
  return format(JSON.stringify(content), { ...json('.prettierrc.json'), parser: 'json' });
}

if (import.meta.main) {
  const at = join(checkout, directory);
  mkdirSync(at, { recursive: true });
  const files = await eventFiles();
  for (const name of readdirSync(at)) if (!files.has(name)) rmSync(join(at, name));
  for (const [name, content] of files) writeFileSync(join(at, name), content);
  console.log(`${files.size} files in ${directory}`);
}

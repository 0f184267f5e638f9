import { describe, expect, test } from 'vitest';
import { parseDomainEvent } from '../../../core/events/domain-event.ts';
import { serverEvents, type EventInName } from '../../../core/events/events-in.ts';
import { parseServerEvent } from '../../../core/events/server-event.ts';

const time = '2026-03-01T12:00:00Z';
const at = Date.parse(time);
const [server, node] = ['mx1.provider.example', 'mi-0123456789abcdef0'];
const wish = { domain: 'example.com', mailServers: [server] };
const created = (detail: unknown, more: object = {}) => ({ 'detail-type': 'Domain Created', time, detail, ...more });
const retired = (detail: unknown) => ({ 'detail-type': 'Mail Server Retired', time, detail });
const registered = (detail: unknown) => ({ 'detail-type': 'Mail Server Registered', time, detail });

/** Each event, and the kind of request that it becomes. An event without a row does not compile. */
const kinds: Record<EventInName, [detail: object, kind: string]> = {
  'Domain Created': [wish, 'wish'],
  'Domain Changed': [wish, 'wish'],
  'Domain Deleted': [{ domain: 'example.com' }, 'wish'],
  'Certificate Expiring': [{ domain: 'example.com' }, 'look'],
  'Mail Server Registered': [{ server, node }, 'registered'],
  'Mail Server Changed': [{ server, node }, 'registered'],
  'Mail Server Retired': [{ server }, 'retired'],
};

test.each(Object.entries(kinds))('%s is read', (event, [detail, kind]) => {
  const parse = event in serverEvents ? parseServerEvent : parseDomainEvent;
  expect(parse({ 'detail-type': event, time, detail })).toMatchObject({ kind });
});

describe('an event for a domain', () => {
  test.each([
    ['the wildcard policy by default', {}, { policy: 'wildcard' }],
    ['names', { policy: 'list', names: ['mail', '@'] }, { policy: 'list', names: ['mail', '@'] }],
    ['a webmail server', { webmailServer: 'Web1.Provider.Example.' }, { webmailServer: 'web1.provider.example' }],
    ['a profile', { profile: 'shortlived' }, { profile: 'shortlived' }],
    ['no import into ACM', { acm: false }, {}],
    ['an import into ACM', { acm: true }, { acm: true }],
    ['a server that is named twice once', { mailServers: [server, 'MX1.provider.example'] }, { mailServers: [server] }],
    ['a domain as people type it', { domain: 'Bücher.example.' }, { domain: 'xn--bcher-kva.example' }],
  ])('is a wish with %s', (_, given, wanted) => {
    expect(parseDomainEvent(created({ ...wish, ...given }))).toEqual({
      kind: 'wish',
      wish: { policy: 'wildcard', ...wish, ...wanted },
      said: { at },
    });
  });

  test("has its time, and the sender's version if it has one", () => {
    expect(parseDomainEvent(created({ ...wish, version: 7 }))).toMatchObject({ said: { at, version: 7 } });
    expect(parseDomainEvent(created(wish, { 'detail-type': 'Domain Changed' }))).toMatchObject({ said: { at } });
  });

  test('is a wish for no server if the domain is deleted', () => {
    const deleted = (detail: object) => created(detail, { 'detail-type': 'Domain Deleted' });
    const wanted = { domain: 'example.com', mailServers: [], policy: 'wildcard', deleted: true };
    expect(parseDomainEvent(deleted({ domain: 'Example.com' }))).toEqual({ kind: 'wish', wish: wanted, said: { at } });
    expect(parseDomainEvent(deleted({ domain: 'example.com', revoke: false, version: 7 }))).toEqual({
      ...{ kind: 'wish', wish: wanted, said: { at, version: 7 } },
    });
  });

  test('of a name that is too long for a challenge is read if it takes the name away', () => {
    const name = `${`${'a'.repeat(62)}.`.repeat(3)}${'d'.repeat(55)}.test`;
    expect(name).toHaveLength(249);
    expect(parseDomainEvent({ 'detail-type': 'Domain Deleted', time, detail: { domain: name } })).toMatchObject({
      wish: { domain: name, deleted: true },
    });
    expect(parseServerEvent(retired({ server: name }))).toMatchObject({ kind: 'retired', server: name });
    expect(() => parseServerEvent(registered({ server: name, node }))).toThrow(
      /^detail\.server .* is longer than 237 characters.*: give the full host name/,
    );
    expect(() => parseDomainEvent(created({ ...wish, domain: name }))).toThrow(
      /^detail\.domain .* is longer than 237 characters.*: give the domain/,
    );
  });

  test('is a wish for no server and for revocation if the deletion asks for it', () => {
    const event = created({ domain: 'example.com', revoke: true }, { 'detail-type': 'Domain Deleted' });
    expect(parseDomainEvent(event)).toMatchObject({ wish: { deleted: true, revoke: true } });
  });

  test.each([
    ['a domain', { domain: 'Example.com' }, 'example.com'],
    ['a server, whose host name is a domain', { server }, server],
  ])('asks to re-evaluate %s', (_, detail, domain) => {
    const event = created(detail, { 'detail-type': 'Certificate Expiring' });
    expect(parseDomainEvent(event)).toEqual({ kind: 'look', domain });
  });
});

describe('an event for a server', () => {
  test('is a request with the fields of the event, and does not adopt by default', () => {
    expect(parseServerEvent(registered({ server: 'MX1.provider.example', node }))).toEqual({
      ...{ kind: 'registered', server, node, adopt: false, at },
    });
    const said = { server, node: 'i-0abc1234', adopt: true, role: 'mail', servesByName: false };
    const webmail = { file: '/etc/web/webmail.conf', name: 'webmail.provider.example' };
    expect(parseServerEvent(registered({ ...said, webmail }))).toMatchObject({ webmail });
    expect(parseServerEvent(registered({ ...said, leaveOut: ['nginx'] }))).toMatchObject({ leaveOut: ['nginx'] });
    expect(parseServerEvent(registered(said))).toEqual({
      ...{ kind: 'registered', ...said, at },
    });
    expect(parseServerEvent(registered({ server, node, adopt: 'with-losses' }))).toMatchObject({
      adopt: 'with-losses',
    });
  });

  test.each([
    ['whatever node it runs on', {}],
    ['if it runs on the named node', { node }],
  ])('retires the server, %s', (_, more) => {
    expect(parseServerEvent(retired({ server: 'MX1.provider.example', ...more }))).toEqual({
      ...{ kind: 'retired', server, ...more, at },
    });
  });
});

const label64 = 'a'.repeat(64);
const domain = (value: unknown) => created({ ...wish, domain: value });
const serverNode = (value: unknown) => registered({ server, node: value });

/** What is wrong → the event → the field, the problem and the remedy, as the sender reads them. */
const bad: [string, unknown, string, RegExp, RegExp][] = [
  // The domain
  [
    'no domain',
    created({ mailServers: [server] }),
    'detail.domain',
    /is missing/,
    /give the registered domain, e\.g\./,
  ],
  [
    'an object with a `toString` of its own',
    created({ ...wish, domain: { toString: 1 } }),
    'detail.domain',
    /is not valid/,
    /give the registered domain/,
  ],
  ['an empty domain', domain(''), 'detail.domain', /"" is not valid/, /give the registered domain/],
  ['no domain name', domain('not a domain'), 'detail.domain', /has a space/, /e\.g\. "example\.com"/],
  ['a single label', domain('localhost'), 'detail.domain', /is a single label/, /e\.g\. "example\.com"/],
  ['two dots', domain('example..com'), 'detail.domain', /has an empty label/, /e\.g\. "example\.com"/],
  ['an IPv4 address', domain('192.0.2.1'), 'detail.domain', /is an IP address, not a name/, /e\.g\. "example\.com"/],
  ['an IPv6 address', domain('2001:db8::1'), 'detail.domain', /is an IP address, not a name/, /e\.g\. "example\.com"/],
  ['an IPv4 address in one number', domain('0x7f.1'), 'detail.domain', /IP address|not allowed|not a domain/, /e\.g\./],
  ['a label of 64 characters', domain(`${label64}.com`), 'detail.domain', /more than 63 characters/, /e\.g\. "example/],
  [
    'a name of more than 253 characters',
    domain(`${`${'a'.repeat(62)}.`.repeat(4)}example.com`),
    'detail.domain',
    /not valid|longer than 253/,
    /give the/,
  ],
  [
    'a wildcard',
    domain('*.example.com'),
    'detail.domain',
    /is a wildcard/,
    /give "example\.com" and "policy":"wildcard"/,
  ],
  ['a public suffix', domain('co.uk'), 'detail.domain', /is a public suffix/, /e\.g\. "example\.com"/],
  ['a top-level domain', domain('com'), 'detail.domain', /is a (single label|public suffix)/, /e\.g\. "example\.com"/],
  ['a number for a domain', domain(7), 'detail.domain', /7 is not valid/, /give the registered domain/],
  ['null for a domain', domain(null), 'detail.domain', /null is not valid/, /give the registered domain/],
  [
    'a list for a domain',
    domain(['example.com']),
    'detail.domain',
    /\["example.com"\] is not valid/,
    /give the registered/,
  ],
  ['a word for ACM', created({ ...wish, acm: 'yes' }), 'detail.acm', /"yes" is not valid/, /true to have each/],
  ['a path', domain('../../etc/passwd'), 'detail.domain', /the character "\/"|empty label/, /e\.g\. "example\.com"/],
  ['a URL', domain('https://example.com'), 'detail.domain', /the character "[:/]"/, /e\.g\. "example\.com"/],
  ['an underscore', domain('_dmarc.example.com'), 'detail.domain', /has an underscore/, /e\.g\. "example\.com"/],
  [
    'a label that begins with a hyphen',
    domain('-rf.example.com'),
    'detail.domain',
    /the label "-rf"/,
    /e\.g\. "example/,
  ],
  // What a shell, awk or a configuration file would interpret
  ...['$(id)', '`id`', 'a;id', 'a|id', 'a&b', 'a>b', "a'b", 'a"b', 'a\\b', 'a{b}', 'a!b', 'a#b', 'a%b', 'a~b'].map(
    (text): (typeof bad)[number] => [
      `${text} in a domain`,
      domain(`${text}.example.com`),
      'detail.domain',
      /has the character "/,
      /e\.g\. "example\.com"/,
    ],
  ),
  [
    'a line break',
    domain('example.com\nentry 2'),
    'detail.domain',
    /a space or an invisible character/,
    /e\.g\. "example/,
  ],
  ['a NUL', domain('example.com\0'), 'detail.domain', /a space or an invisible character/, /e\.g\. "example/],
  ['a right-to-left mark', domain('exam\u202eple.com'), 'detail.domain', /an invisible character/, /e\.g\. "example/],

  // The other fields of a wish
  [
    'no servers',
    created({ domain: 'example.com' }),
    'detail.mailServers',
    /is missing/,
    /give a list of the host names/,
  ],
  [
    'an empty list of servers',
    created({ ...wish, mailServers: [] }),
    'detail.mailServers',
    /\[\] is not valid/,
    /a list/,
  ],
  [
    'a text for servers',
    created({ ...wish, mailServers: server }),
    'detail.mailServers',
    /is not valid/,
    /give a list/,
  ],
  [
    'a server that is an address',
    created({ ...wish, mailServers: [server, '192.0.2.1'] }),
    'detail.mailServers[1]',
    /is an IP address/,
    /e\.g\. "mx1\.provider\.example"/,
  ],
  [
    'a server that is a number',
    created({ ...wish, mailServers: [server, 7] }),
    'detail.mailServers[1]',
    /7 is not valid/,
    /give a list of the host names/,
  ],
  [
    'a webmail server with shell in it',
    created({ ...wish, webmailServer: 'web$(id).provider.example' }),
    'detail.webmailServer',
    /has the character "\$"/,
    /e\.g\. "mx1\.provider\.example"/,
  ],
  [
    'an unknown policy',
    created({ ...wish, policy: 'all' }),
    'detail.policy',
    /"all" is not valid/,
    /"wildcard" \(the default\) or/,
  ],
  [
    'names with the wildcard policy',
    created({ ...wish, names: ['mail'] }),
    'detail.names',
    /the policy is "wildcard"/,
    /leave it out/,
  ],
  [
    'a list without names',
    created({ ...wish, policy: 'list' }),
    'detail.names',
    /is empty/,
    /give labels under the domain/,
  ],
  [
    'a name that is a whole domain',
    created({ ...wish, policy: 'list', names: ['mail.example.com'] }),
    'detail.names',
    /repeats the domain/,
    /give labels under the domain/,
  ],
  [
    'a wildcard among the names',
    created({ ...wish, policy: 'list', names: ['*'] }),
    'detail.names',
    /is a wildcard/,
    /use "policy":"wildcard" without names/,
  ],
  [
    'more names than a certificate takes',
    created({ ...wish, policy: 'list', names: Array.from({ length: 26 }, (_, i) => `n${i}`) }),
    'detail.names',
    /has 26 different names/,
    /give at most 25/,
  ],
  ['a version of 0', created({ ...wish, version: 0 }), 'detail.version', /0 is not valid/, /a whole number from 1/],
  [
    'a version in words',
    created({ ...wish, version: '7' }),
    'detail.version',
    /"7" is not valid/,
    /a whole number from 1/,
  ],
  [
    'a profile with shell in it',
    created({ ...wish, profile: 'a;b' }),
    'detail.profile',
    /is not valid/,
    /an ACME profile/,
  ],
  [
    'an unknown field',
    created({ ...wish, mailserver: server }),
    'detail.mailserver',
    /is not a field/,
    /correct its name/,
  ],

  // A deletion
  [
    'a word for revocation',
    created({ domain: 'example.com', revoke: 'now' }, { 'detail-type': 'Domain Deleted' }),
    'detail.revoke',
    /"now" is not valid/,
    /true to have its certificate revoked/,
  ],
  [
    'servers in a deletion',
    created(wish, { 'detail-type': 'Domain Deleted' }),
    'detail.mailServers',
    /is not a field/,
    /leave it out/,
  ],
  [
    'a wildcard to delete',
    created({ domain: '*.example.com' }, { 'detail-type': 'Domain Deleted' }),
    'detail.domain',
    /is a wildcard/,
    /give "example\.com"/,
  ],

  // The shape
  ['no detail', created(undefined), 'detail', /is missing/, /give a JSON object/],
  ['a text for detail', created('{"domain":"example.com"}'), 'detail', /is not valid/, /give a JSON object/],
  ['a list for detail', created([wish]), 'detail', /is not valid/, /give a JSON object/],
  ['no event at all', null, 'event', /null is not valid/, /the README lists the fields/],
  ['no time', { 'detail-type': 'Domain Created', detail: wish }, 'time', /is missing/, /EventBridge fills it in/],
  ['a time that is none', created(wish, { time: 'soon' }), 'time', /"soon" is not a time/, /ISO 8601/],
  ['no type', { time, detail: wish }, 'detail-type', /is missing/, /one of Domain Created/],
  [
    'an unknown type',
    created(wish, { 'detail-type': 'Domain Made' }),
    'detail-type',
    /"Domain Made" is not known/,
    /one of/,
  ],
  [
    'neither domain nor server to re-evaluate',
    created({}, { 'detail-type': 'Certificate Expiring' }),
    'detail',
    /neither or both/,
    /give exactly one/,
  ],
  [
    'both domain and server to re-evaluate',
    created({ domain: 'example.com', server }, { 'detail-type': 'Certificate Expiring' }),
    'detail',
    /neither or both/,
    /give exactly one/,
  ],
];

const badServers: typeof bad = [
  ['no server', registered({ node }), 'detail.server', /is missing/, /give the host name of the mail server/],
  [
    'an address for a server',
    registered({ server: '192.0.2.1', node }),
    'detail.server',
    /is an IP address/,
    /e\.g\. "mx1/,
  ],
  [
    'a wildcard for a server',
    registered({ server: '*.provider.example', node }),
    'detail.server',
    /"\*"/,
    /e\.g\. "mx1/,
  ],
  ['no node', registered({ server }), 'detail.node', /is missing/, /give the managed node id/],
  ...[
    'mx1',
    'mi-',
    'i-0abc',
    'i-0123456789abcdef01',
    'mi-0123456789ABCDEF0',
    'x-0123456789abcdef0',
    'i-0abc1234;id',
    'i-0abc1234\n',
    '*',
  ].map((text): (typeof bad)[number] => [
    `the node ${JSON.stringify(text)}`,
    serverNode(text),
    'detail.node',
    /is not valid/,
    /"i-" or "mi-" and 8 or 17 hexadecimal digits/,
  ]),
  [
    'a relative file of the webmail',
    registered({ server, node, webmail: { file: 'sites/webmail', name: 'webmail.provider.example' } }),
    'detail.webmail.file',
    /"sites\/webmail" is not valid/,
    /give the absolute path of the file/,
  ],
  [
    'no name of the webmail',
    registered({ server, node, webmail: { file: '/etc/web/webmail.conf' } }),
    'detail.webmail.name',
    /is missing/,
    /give one of the names of the site of the webmail/,
  ],
  [
    'true for servesByName',
    registered({ server, node, servesByName: true }),
    'detail.servesByName',
    /true is not valid/,
    /false for mail software/,
  ],
  [
    'a word for adopt',
    registered({ server, node, adopt: 'yes' }),
    'detail.adopt',
    /"yes" is not valid/,
    /true to let .*"with-losses"/,
  ],
  [
    'a role with a path',
    registered({ server, node, role: 'a/b' }),
    'detail.role',
    /is not valid/,
    /the name of the IAM role/,
  ],
  ['an unknown field', registered({ server, node, tag: 'x' }), 'detail.tag', /is not a field/, /correct its name/],
  ['no server to retire', retired({ node }), 'detail.server', /is missing/, /give the host name of the mail server/],
  ['a node to retire that is none', retired({ server, node: 'mx1' }), 'detail.node', /is not valid/, /"i-" or "mi-"/],
  [
    'adoption by a server that is retired',
    retired({ server, adopt: true }),
    'detail.adopt',
    /is not a field/,
    /leave it out/,
  ],
  ['a text for detail', registered('mx1'), 'detail', /is not valid/, /give a JSON object/],
];

describe.each([
  ['a domain', parseDomainEvent, bad],
  ['a server', parseServerEvent, badServers],
])('the sender of an event for %s reads what is wrong, where, and what to do', (_, parse, cases) => {
  test.each(cases)('with %s', (_, event, field, problem, remedy) => {
    const error = (() => {
      try {
        return parse(event);
      } catch (thrown) {
        return thrown;
      }
    })() as Error & { about: string };
    expect(error).toMatchObject({ name: 'InvalidStepInput' });
    expect(error.message.split(' ')[0]).toBe(field);
    expect(error.message).toMatch(problem);
    expect(error.message).toMatch(remedy);
    expect(error.message.length).toBeLessThan(400);
    expect(error.about.length).toBeLessThanOrEqual(253);
  });
});

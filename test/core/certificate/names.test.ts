import { describe, expect, test } from 'vitest';
import {
  coversName,
  mailName,
  parseDomain,
  parseHostName,
  planNames,
  showDomain,
  webmailName,
} from '../../../core/certificate/names.ts';

/** 192 characters, then as many as are asked for. */
const long = (last: number) => `${'abc'.replace(/./g, letter => `${letter.repeat(63)}.`)}${'d'.repeat(last)}`;

describe('a domain', () => {
  test.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.Com.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['mail.customer.github.io', 'mail.customer.github.io'],
    ['github.io', 'github.io'],
  ])('%s is stored as %s', (typed, stored) => expect(parseDomain(typed, { field: 'domain' })).toBe(stored));

  test.each<[unknown, RegExp]>([
    ['', /empty/],
    [undefined, /not a text/],
    ['*.example.com', /wildcard: give "example\.com" and "policy":"wildcard"/],
    ['example', /single label/],
    ['co.uk', /public suffix/],
    ['192.0.2.1', /IP address/],
    ['0x7f.1', /IP address/],
    ['１２７.0.0.1', /IP address/],
    ['2001:db8::1', /IP address/],
    [`${'a'.repeat(64)}.com`, /63 characters/],
    [`${'ü'.repeat(60)}.com`, /63 characters/],
    [`${'a.'.repeat(130)}com`, /253 characters/],
    [`${long(40)}.example`, /longer than 237 characters.*"_acme-challenge\."/],
    [`${long(39)}.example`, /longer than 237 characters/],
    ['my_domain.com', /underscore/],
    ['exa mple.com', /space/],
    ['exam\u200bple.com', /invisible/],
    ['example.com\n', /invisible/],
    ['$(reboot).com', /character "\$"/],
    ['example.com;id', /character ";"/],
    ['https://example.com', /character ":"/],
    ['post@example.com', /character "@"/],
    ['a／b.com', /not a domain name/],
    ['a..com', /empty label/],
    ['-a.com', /label "-a"/],
    ['ab--c.com', /label "ab--c"/],
    ['example.123', /not a domain name/],
  ])('%j is refused with a reason, the field and a remedy', (typed, reason) => {
    const parse = () => parseDomain(typed as string, { field: 'detail.domain' });
    expect(parse).toThrow(reason);
    expect(parse).toThrow(/^detail\.domain .*: give /);
    expect(parse).toThrow(expect.objectContaining({ name: 'InvalidStepInput' }));
  });

  test('may be as long as "_acme-challenge." before it allows', () => {
    const longest = `${long(37)}.example`;
    expect(longest).toHaveLength(237);
    expect(parseDomain(longest, { field: 'domain' })).toBe(longest);
    expect(() => planNames({ domain: longest, policy: 'list', names: ['m'] })).toThrow(
      /^detail\.names .* is longer than 237 characters.*: give labels under the domain/,
    );
  });

  test('is shown as people write it, and as it is stored', () => {
    expect(showDomain('xn--bcher-kva.example')).toBe('bücher.example (xn--bcher-kva.example)');
    expect(showDomain('example.com')).toBe('example.com');
  });
});

test('a server that is no full host name is refused with an example of a full one', () => {
  expect(parseHostName('MX1.provider.example', { field: 'server' })).toBe('mx1.provider.example');
  expect(() => parseHostName('mx1', { field: 'mailServers[0]' })).toThrow(
    /mailServers\[0\] "mx1" .*mx1\.provider\.example/,
  );
});

describe('the names of a certificate', () => {
  const domain = 'example.com';
  const list = (...names: string[]) => planNames({ domain, policy: 'list', names });

  test('are the domain and its wildcard', () => {
    expect(planNames({ domain, policy: 'wildcard' })).toEqual(['example.com', '*.example.com']);
  });

  test('are the listed labels, each once, the domain first', () => {
    expect(list('mail', '@', 'MAIL', 'imap.eu', 'bücher')).toEqual([
      'example.com',
      'mail.example.com',
      'imap.eu.example.com',
      'xn--bcher-kva.example.com',
    ]);
  });

  test('are at most 25', () => {
    const labels = Array.from({ length: 26 }, (_, i) => `m${i}`);
    expect(list(...labels.slice(1))).toHaveLength(25);
    expect(() => list(...labels)).toThrow(/names .*26 different names/);
  });

  test.each([[[]], [['']], [['*']], [['mail.example.com']], [['example.com']], [['a b']], [['a_b']]])(
    'are not %j',
    names =>
      expect(() => list(...names)).toThrow(
        expect.objectContaining({ name: 'InvalidStepInput', about: expect.anything() }),
      ),
  );

  test('include the names with which to check a mail server and webmail', () => {
    expect(mailName(domain, ['example.com', '*.example.com'])).toBe('mail.example.com');
    expect(mailName(domain, ['smtp.example.com', 'imap.example.com'])).toBe('smtp.example.com');
    expect(webmailName(domain, ['example.com', '*.example.com'])).toBe('webmail.example.com');
    expect(webmailName(domain, ['mail.example.com'])).toBeUndefined();
  });

  test('cover a name by a wildcard for one label only', () => {
    expect(coversName(['*.example.com'], 'mail.example.com')).toBe(true);
    expect(coversName(['*.example.com'], 'example.com')).toBe(false);
    expect(coversName(['*.example.com'], 'a.mail.example.com')).toBe(false);
  });
});

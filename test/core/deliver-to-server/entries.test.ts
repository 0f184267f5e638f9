import { describe, expect, test } from 'vitest';
import type { ProvidedCertificate } from '../../../core/record/domain.ts';
import { entriesFor } from '../../../core/deliver-to-server/entries.ts';

const domain = 'example.com';
const dates = { notBefore: 0, notAfter: 9, renewAt: 6 };
const one = (letter: string, ...names: string[]): ProvidedCertificate => ({
  ...{ id: letter.repeat(64), fingerprint: letter.repeat(64), issuer: 'elsewhere', issuedBy: 'CA', ...dates, names },
});
const ours = one('a', domain, `*.${domain}`);
const on = (daemons: string, webServers = 'nginx') => ({
  capability: { 'serves-by-name': [daemons], 'web-servers': [webServers] },
});
const everything = on('postfix,dovecot,nginx');
const entries = (work: object, server: { capability: Record<string, string[]> } = everything) =>
  entriesFor({ domain, v: 3, ...work }, server).map(({ for: use, install }) => [use, install?.names, install?.probe]);

describe('the entries of a domain', () => {
  test('with a provided certificate for webmail: ours is checked on mail only', () => {
    const provided = { webmail: one('b', `webmail.${domain}`) };
    expect(entries({ certificate: ours, provided })).toEqual([
      [undefined, [domain, `*.${domain}`], { mail: `mail.${domain}`, webmail: undefined }],
      ['webmail', [`webmail.${domain}`], { webmail: `webmail.${domain}` }],
    ]);
  });

  test('with a provided certificate for mail: ours is checked by a name that the provided one lacks', () => {
    const provided = { mail: one('b', `mail.${domain}`) };
    expect(entries({ certificate: ours, provided })).toEqual([
      [undefined, [domain, `*.${domain}`], { mail: domain, webmail: `webmail.${domain}` }],
      ['mail', [`mail.${domain}`], { mail: `mail.${domain}` }],
    ]);
  });

  test('of a host name: it is checked on mail, or on webmail if the server has only webmail', () => {
    const host = { certificate: one('a', domain), host: true };
    expect(entries(host)).toEqual([[undefined, [domain], { mail: domain }]]);
    expect(entries(host, on('nginx'))).toEqual([[undefined, [domain], { webmail: domain }]]);
    const beside = { capability: { 'serves-by-name': ['nginx'], 'cannot-serve-by-name': ['couriertcpd'] } };
    expect(entries(host, beside)).toEqual([[undefined, [domain], { mail: domain }]]);
  });

  test('have no name twice: a provided certificate keeps its names, and webmail one that covers its own', () => {
    const provided = { mail: one('b', `*.${domain}`, `shop.${domain}`, 'stranger.example', `a.b.${domain}`) };
    expect(entries({ certificate: ours, provided })).toEqual([
      [undefined, [domain, `webmail.${domain}`], { mail: domain, webmail: `webmail.${domain}` }],
      ['mail', [`*.${domain}`, `shop.${domain}`], { mail: `mail.${domain}` }],
    ]);
  });

  test('check a label that no certificate lists if ours has only its wildcard left', () => {
    const provided = { mail: one('b', domain, `mail.${domain}`, `smtp.${domain}`) };
    expect(entries({ certificate: ours, provided })[0]).toEqual([
      ...[undefined, [`*.${domain}`], { mail: `imap.${domain}`, webmail: `webmail.${domain}` }],
    ]);
  });

  test('have none for our certificate if no name is left for it', () => {
    const all = one('b', domain, `*.${domain}`);
    expect(entries({ certificate: ours, provided: { mail: all, webmail: all } }).map(([use]) => use)).toEqual([
      ...['mail', 'webmail'],
    ]);
  });

  test('with one provided certificate for both and none of ours: a mail-only server gets the one for mail', () => {
    const provided = { mail: one('b', `mail.${domain}`), webmail: one('b', `webmail.${domain}`) };
    expect(entries({ provided }).map(([use]) => use)).toEqual(['mail', 'webmail']);
    expect(entries({ provided }, on('postfix,dovecot')).map(([use]) => use)).toEqual(['mail']);
    expect(entries({ provided }, on('nginx')).map(([use]) => use)).toEqual(['webmail']);
    expect(entries({ certificate: ours, provided: { webmail: one('b') } }, on('postfix'))).toEqual([
      [undefined, [domain, `*.${domain}`], { mail: `mail.${domain}`, webmail: `webmail.${domain}` }],
    ]);
  });

  test("tell a web server by the inspection's fact", () => {
    const provided = { mail: one('b', `mail.`), webmail: one('b', `webmail.`) };
    expect(entries({ provided }, on('toy', 'toy')).map(([use]) => use)).toEqual(['webmail']);
    expect(entries({ provided }, on('nginx', '')).map(([use]) => use)).toEqual(['mail']);
  });

  test('include webmail on a server whose last inspection did not report web servers', () => {
    const provided = { mail: one('b', `mail.`), webmail: one('b', `webmail.`) };
    const before = { capability: { 'serves-by-name': ['postfix,nginx'] } };
    expect(entries({ provided }, before).map(([use]) => use)).toEqual(['mail', 'webmail']);
  });

  test('have one removal, however many certificates the domain had', () => {
    expect(entriesFor({ domain, v: 3, certificate: 'REMOVE' }, everything)).toEqual([{ domain, v: 3 }]);
  });
});

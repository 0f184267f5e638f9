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
  test('with a certificate for webmail: ours is looked at on mail alone', () => {
    const provided = { webmail: one('b', `webmail.${domain}`) };
    expect(entries({ certificate: ours, provided })).toEqual([
      [undefined, [domain, `*.${domain}`], { mail: `mail.${domain}`, webmail: undefined }],
      ['webmail', [`webmail.${domain}`], { webmail: `webmail.${domain}` }],
    ]);
  });

  test('with one for mail: ours is looked at by a name that the other does not cover', () => {
    const provided = { mail: one('b', `mail.${domain}`) };
    expect(entries({ certificate: ours, provided })).toEqual([
      [undefined, [domain, `*.${domain}`], { mail: domain, webmail: `webmail.${domain}` }],
      ['mail', [`mail.${domain}`], { mail: `mail.${domain}` }],
    ]);
  });

  test('of a host name is looked at on mail, and where there is webmail alone on that', () => {
    const host = { certificate: one('a', domain), host: true };
    expect(entries(host)).toEqual([[undefined, [domain], { mail: domain }]]);
    expect(entries(host, on('nginx'))).toEqual([[undefined, [domain], { webmail: domain }]]);
    const beside = { capability: { 'serves-by-name': ['nginx'], 'cannot-serve-by-name': ['couriertcpd'] } };
    expect(entries(host, beside)).toEqual([[undefined, [domain], { mail: domain }]]);
  });

  test('no name is in both: what the other covers is its own, and webmail keeps a name that covers it', () => {
    const provided = { mail: one('b', `*.${domain}`, `shop.${domain}`, 'stranger.example', `a.b.${domain}`) };
    expect(entries({ certificate: ours, provided })).toEqual([
      [undefined, [domain, `webmail.${domain}`], { mail: domain, webmail: `webmail.${domain}` }],
      ['mail', [`*.${domain}`, `shop.${domain}`], { mail: `mail.${domain}` }],
    ]);
  });

  test('where nothing but the wildcard is left of ours, a label that nobody has is looked at', () => {
    const provided = { mail: one('b', domain, `mail.${domain}`, `smtp.${domain}`) };
    expect(entries({ certificate: ours, provided })[0]).toEqual([
      ...[undefined, [`*.${domain}`], { mail: `imap.${domain}`, webmail: `webmail.${domain}` }],
    ]);
  });

  test('where nothing is left of ours, there is no entry for it', () => {
    const all = one('b', domain, `*.${domain}`);
    expect(entries({ certificate: ours, provided: { mail: all, webmail: all } }).map(([use]) => use)).toEqual([
      ...['mail', 'webmail'],
    ]);
  });

  test('one for both and none of ours: on a server that does either it is that alone', () => {
    const provided = { mail: one('b', `mail.${domain}`), webmail: one('b', `webmail.${domain}`) };
    expect(entries({ provided }).map(([use]) => use)).toEqual(['mail', 'webmail']);
    expect(entries({ provided }, on('postfix,dovecot')).map(([use]) => use)).toEqual(['mail']);
    expect(entries({ provided }, on('nginx')).map(([use]) => use)).toEqual(['webmail']);
    expect(entries({ certificate: ours, provided: { webmail: one('b') } }, on('postfix'))).toEqual([
      [undefined, [domain, `*.${domain}`], { mail: `mail.${domain}`, webmail: `webmail.${domain}` }],
    ]);
  });

  test('what a web server is, the inspection says', () => {
    const provided = { mail: one('b', `mail.`), webmail: one('b', `webmail.`) };
    expect(entries({ provided }, on('toy', 'toy')).map(([use]) => use)).toEqual(['webmail']);
    expect(entries({ provided }, on('nginx', '')).map(([use]) => use)).toEqual(['mail']);
  });

  test('a server whose last inspection did not say so keeps its webmail', () => {
    const provided = { mail: one('b', `mail.`), webmail: one('b', `webmail.`) };
    const before = { capability: { 'serves-by-name': ['postfix,nginx'] } };
    expect(entries({ provided }, before).map(([use]) => use)).toEqual(['mail', 'webmail']);
  });

  test('a removal is one entry, whatever there was', () => {
    expect(entriesFor({ domain, v: 3, certificate: 'REMOVE' }, everything)).toEqual([{ domain, v: 3 }]);
  });
});

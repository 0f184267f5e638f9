import { describe, expect, test } from 'vitest';
import type { ProvidedCertificate } from '../../../core/record/domain.ts';
import { coversName } from '../../../core/certificate/names.ts';
import { servesAlone, type Capable } from '../../../core/record/capability.ts';
import { entriesFor } from '../../../core/work/entries.ts';
import { isSeen } from '../../../core/work/serving.ts';

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

describe('each install entry', () => {
  const servers: [string, Capable][] = [
    ['everything by name', everything],
    ['mail alone', on('postfix,dovecot')],
    ['webmail alone', on('nginx')],
    [
      'one certificate for mail, webmail by name',
      { capability: { ...on('nginx').capability, 'cannot-serve-by-name': ['courier'] } },
    ],
    ['an operator who says so, webmail by name', { ...on('postfix,nginx'), servesByName: false }],
  ];
  const names = [
    [domain, `*.${domain}`],
    [domain],
    [`mail.${domain}`],
    [`webmail.${domain}`],
    [`mail.${domain}`, `webmail.${domain}`],
    [`shop.${domain}`],
  ];
  const maybe = names.map((some, i) => one(String(i), ...some));
  const works = [undefined, ...names].flatMap(some =>
    [undefined, ...maybe].flatMap(mail =>
      [undefined, ...maybe].flatMap(webmail => {
        const provided = { ...(mail && { mail }), ...(webmail && { webmail }) };
        const certificate = some && one('a', ...some);
        if (!certificate && !(mail && webmail)) return [];
        return [{ domain, v: 1, ...(certificate && { certificate }), ...((mail ?? webmail) && { provided }) }];
      }),
    ),
  );
  const coverProbe = ({ install }: ReturnType<typeof entriesFor>[number]) => {
    const { mail, webmail } = install!.probe;
    return [mail, webmail].every(name => name === undefined || coversName(install!.names, name));
  };

  test.each(servers)('has a probe that its server can see, and no name of another entry: %s', (_, server) => {
    const sees = { mail: servesAlone(server, 'mail'), webmail: servesAlone(server, 'webmail') };
    for (const work of works) {
      const all = entriesFor(work, server).filter(({ install }) => install);
      const unseen = all.filter(
        ({ install: { probe } = { probe: {} } }) => !((sees.mail && probe.mail) || (sees.webmail && probe.webmail)),
      );
      // A server that can serve none of the provided certificates gets all of them, and answers
      // why.
      const isForNothing = work.certificate === undefined && unseen.length === all.length;
      expect(isForNothing ? [] : unseen, JSON.stringify(work)).toEqual([]);
      // An entry for webmail is for other daemons, and ours may serve webmail's name there.
      const listed = all
        .flatMap(({ for: use, install }) => (use === 'webmail' ? [] : install!.names))
        .filter(name => name !== `webmail.${domain}` || !sees.webmail);
      expect(new Set(listed).size, JSON.stringify(work)).toBe(listed.length);
    }
    expect(works.length).toBeGreaterThan(300);
  });

  test('of ours covers its probes', () => {
    for (const [, server] of servers)
      for (const work of works)
        for (const entry of entriesFor(work, server))
          if (entry.install && !entry.for) expect(coverProbe(entry), JSON.stringify(entry)).toBe(true);
  });

  test('is the one that counts as served: a server is served as soon as it serves all of them', () => {
    for (const [, server] of servers)
      for (const work of works) {
        const entries = entriesFor(work, server);
        const ours = entries.find(entry => entry.install && !entry.for)?.install;
        const others = entries.flatMap(entry => (entry.for ? [[entry.for, entry.install!.fingerprint]] : []));
        const installed = { ...(ours && { fingerprint: ours.fingerprint }), provided: Object.fromEntries(others) };
        expect(isSeen(work, server, installed), JSON.stringify(work)).toBe(true);
        expect(isSeen(work, server, { fingerprint: 'another' }), JSON.stringify(work)).toBe(false);
      }
  });

  test('is missing where the server can serve nothing of the domain: all is removed there', () => {
    const list = { domain, v: 1, certificate: one('a', `mail.${domain}`) };
    expect(entriesFor(list, on('nginx'))).toEqual([{ domain, v: 1 }]);
  });
});

describe('a server for webmail alone', () => {
  test('has no entry of ours beside a provided one for webmail', () => {
    const provided = { webmail: one('b', `webmail.${domain}`) };
    const courier = { capability: { ...on('nginx').capability, 'cannot-serve-by-name': ['courier'] } };
    for (const server of [on('nginx'), courier])
      expect(entries({ certificate: ours, provided }, server)).toEqual([
        ['webmail', [`webmail.${domain}`], { webmail: `webmail.${domain}` }],
      ]);
  });
});

describe('a server for mail alone', () => {
  test('has no entry of ours beside a provided one for all of its names', () => {
    const all = one('b', domain, `*.${domain}`);
    expect(entries({ certificate: ours, provided: { mail: all, webmail: all } }, on('postfix,dovecot'))).toEqual([
      ['mail', [domain, `*.${domain}`], { mail: `mail.${domain}` }],
    ]);
  });
});

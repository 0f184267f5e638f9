import { describe, expect, test } from 'vitest';
import type { DomainRecord } from '../../../core/record/domain.ts';
import { autoconfig, mailHosts, settingsOf, srvLines } from '../../../core/status/settings.ts';
import { domain, mx1, mx2 } from '../world.ts';

const record = (more: Partial<DomainRecord> = {}): DomainRecord => ({
  ...{ domain, wanted: 1, done: 1, spec: { domain, mailServers: [mx1], policy: 'wildcard' } },
  ...more,
});
const listed = (...names: string[]) => ({ domain, mailServers: [mx1], policy: 'list' as const, names });

describe('the host name to type', () => {
  test.each<[string, Partial<DomainRecord>, string[]]>([
    ["the domain's own, if its server serves by name", {}, [`mail.${domain}`]],
    ['a name of its list, if the list has no name for mail', { spec: listed('@', 'post') }, [domain]],
    ["the server's, if the domain is served under it", { servedUnder: [{ server: mx1 }] }, [mx1]],
    ["the server's too, if only webmail has a certificate", { servedUnder: [{ server: mx1, webmail: true }] }, [mx1]],
    [
      "both, the domain's own first, if one of two servers cannot serve by name",
      {
        spec: { domain, mailServers: [mx1, mx2], policy: 'wildcard' },
        servedUnder: [{ server: mx2 }],
      },
      [`mail.${domain}`, mx2],
    ],
  ])('is %s', (_, more, hosts) => {
    expect(mailHosts(record(more))).toEqual(hosts);
  });

  test('is absent for a domain that is deleted', () => {
    expect(settingsOf(record({ spec: { domain, mailServers: [], policy: 'wildcard', deleted: true } }))).toEqual([]);
  });
});

test('the lines for the zone prefer TLS from the first byte, and end with a dot', () => {
  expect(srvLines(domain, settingsOf(record({ servedUnder: [{ server: mx1 }] })))).toEqual([
    `_imaps._tcp.${domain}. SRV 0 1 993 ${mx1}.`,
    `_imap._tcp.${domain}. SRV 10 1 143 ${mx1}.`,
    `_pop3s._tcp.${domain}. SRV 0 1 995 ${mx1}.`,
    `_pop3._tcp.${domain}. SRV 10 1 110 ${mx1}.`,
    `_submissions._tcp.${domain}. SRV 0 1 465 ${mx1}.`,
    `_submission._tcp.${domain}. SRV 10 1 587 ${mx1}.`,
  ]);
});

test("Thunderbird's file has incoming before outgoing servers, the best first, with the whole address as user", () => {
  const settings = settingsOf(record()).filter(({ port }) => [993, 465, 587].includes(port));
  const xml = autoconfig(domain, settings.reverse());
  expect(xml).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<clientConfig version="1.1">\n {2}<emailProvider id="example.com">/,
  );
  expect(
    [
      ...xml.matchAll(
        /<(\w+Server) type="(\w+)">\s*<hostname>(.*)<\/hostname>\s*<port>(\d+)<\/port>\s*<socketType>(\w+)</g,
      ),
    ].map(found => found.slice(1)),
  ).toEqual([
    ['incomingServer', 'imap', `mail.${domain}`, '993', 'SSL'],
    ['outgoingServer', 'smtp', `mail.${domain}`, '587', 'STARTTLS'],
    ['outgoingServer', 'smtp', `mail.${domain}`, '465', 'SSL'],
  ]);
  expect(xml.match(/<username>%EMAILADDRESS%<\/username>/g)).toHaveLength(3);
});

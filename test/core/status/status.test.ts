import { describe, expect, test } from 'vitest';
import type { DomainRecord } from '../../../core/record/domain.ts';
import { remedies, remedySentence, type ErrorName } from '../../../core/errors.ts';
import type { ServerRecord, Work } from '../../../core/record/server.ts';
import { domainStatus } from '../../../core/status/domain-status.ts';
import { together } from '../../../core/status/endpoints.ts';
import type { Known, OnServer } from '../../../core/status/known.ts';
import { serverStatus } from '../../../core/status/server-status.ts';
import { certificate, domain, minute, mx1, mx2, now, wish } from '../../aws/store.stage.ts';
import type { Parked } from '../../../core/record/parked.ts';

const hour = 60 * minute;
const current = certificate();

const record = (more: Partial<DomainRecord> = {}): DomainRecord => ({
  ...{ domain, spec: wish(), specAt: now, wanted: 1, done: 1 },
  ...more,
});
const parkedFor = (reason: ErrorName): Parked => ({
  ...{ reason, message: 'as it was told', since: now - hour, nextTry: now + minute, tries: 1 },
});
const server = (more: Partial<ServerRecord> = {}): ServerRecord => ({
  ...{ server: mx1, node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true, registeredAt: now - hour },
  ...{ capability: { os: ['debian'] }, hostSecuredAt: now - hour, wanted: 1, done: 1, seq: 1 },
  ...more,
});
const waiting = (more: Partial<Work> = {}): Work => ({ domain, v: now, certificate: current, ...more });

function on(record: ServerRecord | undefined, work: Work[] = [], seen: string[] = []): OnServer {
  const installed = seen.map(fingerprint => ({
    domain,
    certificate: 'c',
    fingerprint,
    seenAt: now - minute,
    node: 'mi-0123456789abcdef0',
  }));
  return {
    record,
    work: new Map(work.map(one => [one.domain, one])),
    installed: new Map(installed.map(one => [domain, one])),
  };
}
const known = (...servers: OnServer[]): Known => ({
  domains: [],
  servers: new Map(servers.map(one => [one.record!.server, one])),
  issuers: [],
});

test('every reason has one sentence that says what can be done', () => {
  for (const name of Object.keys(remedies) as ErrorName[])
    expect(remedySentence[name], name).toMatch(/^[A-Z].{20,}\.$/);
});

describe('a domain', () => {
  test('that every server was seen serving is well, and renewed in good time', () => {
    const status = domainStatus(
      record({ current, dueAt: current.renewAt }),
      known(on(server(), [], ['f'.repeat(64)])),
      now,
    );
    expect(status).toMatchObject({
      ...{ state: 'installed on 1 of 1', well: true, since: now - minute },
      next: { what: 'renewal', at: current.renewAt },
      certificate: { daysLeft: 90 },
    });
  });

  test('that was deleted is well, even after its certificate expired, until its tombstone expires', () => {
    const spec = { ...wish(), mailServers: [], deleted: true as const };
    const expired = certificate({ notAfter: now - hour });
    const status = domainStatus(
      record({ spec, current: expired, deletedAt: now - hour, dueAt: now + hour }),
      known(),
      now,
    );
    expect(status).toMatchObject({
      ...{ state: 'deleted', well: true, since: now - hour, next: { what: 'tombstone deleted', at: now + hour } },
      ...{ names: expired.names, servers: [] },
    });
  });

  test('that one of two servers does not serve yet says which', () => {
    const both = record({ current, spec: wish({ mailServers: [mx1, mx2] }) });
    const status = domainStatus(
      both,
      known(on(server(), [], ['f'.repeat(64)]), on(server({ server: mx2 }), [waiting()])),
      now,
    );
    expect(status).toMatchObject({ state: 'installed on 1 of 2', well: true });
    expect(status.servers.map(one => one.state)).toEqual(['installed', 'waiting']);
  });

  test('whose server still serves the previous certificate is not called installed', () => {
    const status = domainStatus(record({ current }), known(on(server(), [waiting()], ['old'])), now);
    expect(status).toMatchObject({ state: 'issued', well: true, next: { what: 'delivery' } });
  });

  test.each<[ErrorName, string, boolean]>([
    ['DomainNotManaged', 'parked', false],
    ['CaaForbids', 'parked', false],
    ['ServerNotRegistered', 'waiting for server', false],
    ['BudgetSpent', 'waiting for budget', true],
    ['ServerNotInspected', 'waiting for server', true],
  ])('parked for %s says so, since when, why, and when it is tried again', (reason, state, well) => {
    const parked = parkedFor(reason);
    expect(domainStatus(record({ parked, dueAt: parked.nextTry }), known(on(server())), now)).toMatchObject({
      ...{ state, well, since: parked.since, why: 'as it was told', reason, remedy: remedySentence[reason] },
      next: { what: 'tried again', at: parked.nextTry },
    });
  });

  test('whose renewal waits for the quiet hour is well, and says when and that the old one is served', () => {
    const calm = waiting({ calm: true, notBefore: now + hour });
    const status = domainStatus(record({ current }), known(on(server(), [calm], ['e'.repeat(64)])), now);
    expect(status).toMatchObject({ state: 'renewed', well: true, next: { what: 'delivery', at: now + hour } });
    expect(status.servers).toEqual([
      expect.objectContaining({ state: 'waiting', why: expect.stringContaining('quiet hour') }),
    ]);
  });

  test('shows the renewal window and the explanation of its CA', () => {
    const window = { start: now + hour, end: now + 2 * hour };
    const advised = { ...current, window, explanation: 'https://ca.example/incident' };
    expect(domainStatus(record({ current: advised }), known(on(server())), now).certificate).toMatchObject({
      window,
      explanation: 'https://ca.example/incident',
    });
  });

  test('that an execution has claimed is in progress, until the lease ends', () => {
    const held = { owner: 'me', leaseUntil: now + hour, dueAt: now + hour };
    expect(domainStatus(record(held), known(on(server())), now)).toMatchObject({ state: 'in progress', well: true });
    expect(domainStatus(record(held), known(on(server())), now + 2 * hour)).toMatchObject({
      ...{ state: 'accepted', well: false, next: { what: 'overdue since', at: now + hour } },
      remedy: expect.stringContaining('sweep'),
    });
  });

  test('that its server refused is not well, with the reason in the words of the server', () => {
    const refused = waiting({ notBefore: now + hour, reason: 'ServerFull: no room for another block' });
    expect(domainStatus(record({ current }), known(on(server(), [refused])), now)).toMatchObject({
      ...{ state: 'issued', well: false, reason: 'ServerFull', why: `${mx1}: no room for another block` },
      next: { what: 'delivery', at: now + hour },
    });
  });

  test.each([
    ['held', server({ held: 'it could not put back what it served' }), 'held', 'InstallBroken'],
    ['out of reach', server({ failures: 2, dueAt: now + hour }), 'issued', 'ServerUnreachable'],
  ])('whose server is %s is not well, and says why', (_case, mailServer, state, reason) => {
    expect(domainStatus(record({ current }), known(on(mailServer, [waiting()])), now)).toMatchObject({
      ...{ state, well: false, reason },
    });
  });

  test('that is served under its server shows the name to type, and is well once that name is trusted', () => {
    const under = record({ current, servedUnder: [{ server: mx1 }], dueAt: now + hour });
    expect(domainStatus(under, known(on(server())), now + 365 * 24 * hour)).toMatchObject({
      ...{ state: `served under ${mx1}`, names: [], well: false, next: { what: 'overdue since' } },
    });
    expect(domainStatus(under, known(on(server())), now)).toMatchObject({
      ...{ state: `served under ${mx1}`, names: [], well: true, next: { what: 're-evaluation', at: now + hour } },
      why: expect.stringContaining(`type this host name into the mail program`),
      servers: [{ server: mx1, state: 'served under' }],
    });
    const young = known(on(server({ hostSecuredAt: undefined })));
    expect(domainStatus(under, young, now).why).toContain(`${mx1} is not seen served and trusted yet`);
  });

  test('whose mail, but not its webmail, is served under its server shows both', () => {
    const servedUnder = [{ server: mx1, webmail: true as const }];
    const status = domainStatus(record({ current, servedUnder }), known(on(server(), [], ['f'.repeat(64)])), now);
    expect(status).toMatchObject({ state: 'installed on 1 of 1', well: true });
    expect(status.servers).toMatchObject([{ state: 'installed', why: expect.stringContaining('for webmail alone') }]);
  });

  test('whose server leaves out its web server is well, and says that webmail is not served', () => {
    const daemon = ['postfix adopted', 'nginx left-out the registration leaves it out'];
    const capability = { os: ['debian'], daemon, 'serves-by-name': ['postfix'], 'web-servers': ['nginx'] };
    const without = known(on(server({ leaveOut: ['nginx'], capability }), [], ['f'.repeat(64)]));
    const status = domainStatus(record({ current }), without, now);
    expect(status).toMatchObject({ state: 'installed on 1 of 1', well: true });
    expect(status.servers[0]!.without).toBe('webmail is not served by sealpost, which leaves out nginx there');
    const elsewhere = record({ current, spec: wish({ webmailServer: mx2 }) });
    expect(domainStatus(elsewhere, without, now).servers[0]).not.toHaveProperty('without');
  });

  test('that waits until its server is secured is well, and says so', () => {
    const young = on(server({ hostSecuredAt: undefined }), [waiting()]);
    const status = domainStatus(record({ current }), known(young), now);
    expect(status).toMatchObject({ state: 'issued', well: true, why: expect.stringContaining('its own host name') });
  });

  test('that moved says which server still has it, and is well on its new server', () => {
    const moved = record({ current, spec: wish({ mailServers: [mx2] }), servers: [mx1, mx2] });
    const before = on(server(), [waiting({ certificate: 'REMOVE' })], ['f'.repeat(64)]);
    const status = domainStatus(moved, known(before, on(server({ server: mx2 }), [], ['f'.repeat(64)])), now);
    expect(status).toMatchObject({ state: 'installed on 1 of 1', well: true });
    expect(status.servers).toMatchObject([{ server: mx2 }, { server: mx1, state: 'to be removed' }]);
  });

  test('that is deleted is well after its certificate expired, and says where it still is', () => {
    const gone = record({ current, spec: wish({ mailServers: [], deleted: true }), servers: [mx1], deletedAt: now });
    const status = domainStatus(gone, known(on(server(), [], ['f'])), current.notAfter + 1);
    expect(status).toMatchObject({ state: 'deleted', well: true, since: now });
    expect(status.servers).toMatchObject([{ server: mx1, state: 'to be removed' }]);
    expect(domainStatus(gone, known(on(server())), now).servers).toEqual([]);
  });

  test('whose certificate has expired is not well, whatever else is under way', () => {
    const busy = record({ current, owner: 'me', leaseUntil: current.notAfter + hour });
    expect(domainStatus(busy, known(on(server())), current.notAfter + 1)).toMatchObject({
      ...{ state: 'expired, in progress', well: false },
    });
  });
});

describe('a server', () => {
  test.each([
    ['up to date', server(), [], true],
    ['1 waiting', server(), [waiting()], true],
    ['to be inspected', server({ capability: undefined, hostSecuredAt: undefined }), [], true],
    ['waits for its own certificate', server({ hostSecuredAt: undefined }), [waiting()], true],
    ['unreachable', server({ failures: 3 }), [waiting()], false],
    ['held', server({ held: 'broken', dueAt: now - 10 * hour }), [waiting()], false],
    ['preparing a delivery', server({ owner: 'me', leaseUntil: now + hour }), [waiting()], true],
    [
      'delivery 7 sent',
      server({ owner: 'me', leaseUntil: now + hour, delivery: { hash: 'h', seq: 7, mode: 'install', sentAt: now } }),
      [waiting()],
      true,
    ],
  ])('is %s', (state, of, work, well) => {
    expect(serverStatus(of, on(of, work), now)).toMatchObject({ state, well });
  });

  test('that is overdue and that no execution claims is not well', () => {
    const due = server({ dueAt: now - hour });
    expect(serverStatus(due, on(due, [waiting()]), now)).toMatchObject({
      ...{ state: '1 waiting', well: false, next: { what: 'overdue since', at: now - hour } },
    });
  });
});

describe('endpoints', () => {
  const audit = { at: now - 3 * hour, oldest: now - 3 * hour, endpoints: 412 };
  const audited = server({ audit, dueAt: now + hour });

  test('of a server that serves what it should are all verified, and the server is well', () => {
    const status = serverStatus(audited, on(audited), now);
    expect(status).toMatchObject({
      well: true,
      endpoints: { inside: { endpoints: 412, verified: 412 }, unverified: [] },
    });
  });

  test('that an audit did not see are unverified, with the reason, until they are seen again', () => {
    const drifted = waiting({ drift: [25, 465, 25], reason: 'ServedCertificateMismatch: not seen on port 25' });
    const status = serverStatus(audited, on(audited, [drifted]), now);
    expect(status).toMatchObject({
      ...{ well: false, why: expect.stringContaining(`${domain}, port 25, 465`), remedy: expect.any(String) },
      endpoints: {
        inside: { endpoints: 412, verified: 409 },
        unverified: [{ server: mx1, seenFrom: 'inside', domain, ports: [25, 465] }],
      },
    });
    const ofDomain = domainStatus(record({ current }), known(on(audited, [drifted], ['f'.repeat(64)])), now);
    expect(ofDomain).toMatchObject({
      ...{ well: false, reason: 'ServedCertificateMismatch', servers: [{ state: 'drifted', seenAt: now - minute }] },
    });
  });

  test('that one address alone does not serve are unverified, with the address', () => {
    const at = server({ audit: { ...audit, places: { '993': ['203.0.113.5'] } }, dueAt: now + hour });
    const { endpoints } = serverStatus(at, on(at, [waiting({ drift: [993] })]), now);
    expect(endpoints.unverified).toMatchObject([{ ports: [993], why: expect.stringContaining('at 203.0.113.5') }]);
  });

  test('at a dead port are unverified; an audit older than three days is shown', () => {
    const dead = server({ audit: { ...audit, dead: { '443': 30 }, oldest: now - 4 * 24 * hour } });
    const { endpoints } = serverStatus(dead, on(dead), now);
    expect(endpoints.inside!.verified).toBe(382);
    expect(endpoints.unverified.map(({ ports, why }) => [ports, why])).toEqual([
      [[443], expect.stringContaining('does not now')],
      [[], expect.stringContaining('more than three days')],
    ]);
  });

  test('from outside are distinguished: unreachable, or another certificate', () => {
    const outside = {
      ...{ server: mx1, dueAt: now, at: now - hour, endpoints: 60, verified: 54, unreachable: [465] },
      unseen: [{ domain, port: 993, why: 'not trusted: self signed' }],
    };
    const status = serverStatus(audited, { ...on(audited), outside }, now);
    expect(status.well).toBe(false);
    const remedies = status.endpoints.unverified.map(one => one.remedy);
    expect(status.endpoints.unverified).toMatchObject([
      { seenFrom: 'outside', ports: [465], why: expect.stringContaining('nobody answers') },
      { seenFrom: 'outside', ports: [993], domain, why: 'not trusted: self signed' },
    ]);
    expect(new Set(remedies).size).toBe(2);
  });

  test('of all servers are added up, and as old as the oldest', () => {
    const [one, two] = [mx1, mx2].map(name => {
      const of = server({ server: name, audit: { ...audit, oldest: name === mx2 ? now - 9 * hour : audit.oldest } });
      return serverStatus(of, on(of), now).endpoints;
    });
    expect(together([one!, two!]).inside).toEqual({ endpoints: 824, verified: 824, oldest: now - 9 * hour });
    expect(together([])).toEqual({ unverified: [] });
  });
});

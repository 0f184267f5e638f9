/** `sealpost import` on the twins: its figures, what it does, and what a second run finds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { planImport, TRANSITIONS } from '../../bin/import-plan.ts';
import { importTable, sayProblems, type ImportPorts } from '../../bin/import.ts';
import { readTable, type Table } from '../../bin/import-rows.ts';
import { seenServed } from '../../bin/served.ts';
import { claimDomain } from '../../core/secure-domain/claim-domain.ts';
import type { Foreign, Wish } from '../../core/record/domain.ts';
import { aCertificate, anIssuer, challengeZone, day, mx1, newWorld, register, type World } from '../core/world.ts';
import { json } from '../house/sources.ts';
import { scratchCa } from '../install/scratch-ca.ts';

let world: World;
let said: string[];
let ports: ImportPorts;
let foreign: Record<string, Foreign>;

beforeEach(async () => {
  world = newWorld();
  said = [];
  foreign = {};
  await register(world, mx1);
  ports = {
    ...{ store: world.store, issuer: anIssuer({ limits: { account: { count: 300, windowMs: 3 * 3_600_000 } } }) },
    ...{ now: () => world.time, say: line => said.push(line), everyMs: 1 },
    seen: async ({ domain }) => foreign[domain],
    progress: () => ({ at() {}, end() {} }),
  };
});

/** An import as a person sees it. @returns whether all is well */
async function imported(table: Table, what: 'go' | 'dry run', ports: ImportPorts): Promise<boolean> {
  sayProblems(table.problems, ports.say);
  const { text, isWell } = await importTable({ table, isDryRun: what === 'dry run' }, ports);
  said.push(text);
  return isWell;
}
const table = (...rows: string[]) => readTable(new TextEncoder().encode(`domain,server\n${rows.join('\n')}\n`));
const good = (n: number) => Array.from({ length: n }, (_, i) => `d${i}.example,${mx1}`);
const served = (): Foreign => ({
  ...{ fingerprint: 'e'.repeat(64), issuedBy: 'Another CA', seenAt: world.time },
  ...{ notAfter: world.time + 60 * day, renewAt: world.time + 50 * day },
});
/** The road, as far as an import looks: each domain that is due is claimed and ends so. */
let walks = 0;
afterEach(() => void walks++);
async function road(end: (domain: string) => Promise<void>): Promise<void> {
  for (const mine = walks; mine === walks;) {
    for (const { kind, name } of await world.store.due({ now: world.time + 61_000, limit: 1_000 }))
      if (kind === 'domain') await end(name);
    await new Promise(resolve => setTimeout(resolve, 1));
  }
}
async function issue(domain: string): Promise<void> {
  const record = await world.store.claimDomain({ domain, me: 'me', now: world.time });
  if (!record) return;
  const certificate = aCertificate(world, { names: [domain, `*.${domain}`] });
  await world.store.commitCertificate({
    domain,
    me: 'me',
    seen: record.wanted,
    certificate,
    servers: [mx1],
    now: world.time,
  });
  await world.store.releaseDomain({ domain, me: 'me', seen: record.wanted, now: world.time }, certificate.renewAt);
}

describe('a dry run', () => {
  test('says orders, hours, transitions and dollars, and writes nothing', async () => {
    foreign['d0.example'] = served();
    expect(await imported(table(...good(3)), 'dry run', ports)).toBe(true);
    expect(said[0]).toMatch(
      /^3 new, 0 known already, 0 bad rows. 2 orders at \S+ \(0\.0 hours by its limit\); 1 are served/,
    );
    expect(said[0]).toMatch(/24 transitions, 0\.00 dollars \(list prices of October 2026/);
    expect(said[1]).toBe('Nothing was done: this was a dry run; --go does it.');
    expect(await world.store.readDomain('d1.example')).toBeUndefined();
  });

  test('lists bad rows, rows said twice, and servers that nobody registered', async () => {
    const rows = [
      'example,mx1',
      'a.example,mx9.provider.example',
      `b.example,${mx1}`,
      `b.example,${mx1}`,
      `${mx1},${mx1}`,
    ];
    expect(await imported(table(...rows), 'dry run', ports)).toBe(false);
    expect(said.slice(0, 4)).toEqual([
      expect.stringMatching(/^line 2, (domain|server): /),
      `line 6, domain: ${mx1} is the host name of a mail server, which is secured by itself`,
      'line 5 says the same as line 4',
      'mx9.provider.example is not registered: 1 domains wait for it; put Mail Server Registered',
    ]);
  });
});

describe('an import', () => {
  test('takes all up, at most fifty orders at once, and a second one does nothing twice', async () => {
    let most = 0;
    const accepted: string[] = [];
    const store = {
      ...world.store,
      acceptWish: async (...given: Parameters<ImportPorts['store']['acceptWish']>) => {
        accepted.push(given[0].domain);
        const all = await Promise.all(accepted.map(domain => world.store.readDomain(domain)));
        const ordered = all.filter(record => record && !record.foreign && record.done < record.wanted);
        most = Math.max(most, ordered.length + (given[3] ? 0 : 1));
        return world.store.acceptWish(...given);
      },
    };
    foreign['d7.example'] = served();
    void road(issue);
    expect(await imported(table(...good(120)), 'go', { ...ports, store })).toBe(true);
    expect(accepted.length).toBe(120);
    expect(most).toBe(50);
    expect(await world.store.readDomain('d7.example')).toMatchObject({ foreign: { issuedBy: 'Another CA' } });
    await imported(table(...good(121)), 'go', { ...ports, store });
    expect(accepted.slice(120)).toEqual(['d120.example']);
  });

  test('begins what is left to others without waiting for orders', async () => {
    const accepted: string[] = [];
    const store = {
      ...world.store,
      acceptWish: async (...given: Parameters<ImportPorts['store']['acceptWish']>) => {
        accepted.push(given[0].domain);
        if (accepted.length === 51) throw new Error('stopped');
        return world.store.acceptWish(...given);
      },
    };
    foreign['d119.example'] = served();
    // Nobody walks the road here: fifty orders stay under way.
    await expect(imported(table(...good(120)), 'go', { ...ports, store })).rejects.toThrow('stopped');
    expect(accepted).toContain('d119.example');
  });

  test('stopped in the middle and started again: no domain twice, none lost', async () => {
    const accepted: string[] = [];
    const stopAt = (n: number) => ({
      ...world.store,
      acceptWish: async (...given: Parameters<ImportPorts['store']['acceptWish']>) => {
        if (accepted.length === n) throw new Error('stopped');
        accepted.push(given[0].domain);
        return world.store.acceptWish(...given);
      },
    });
    await expect(imported(table(...good(30)), 'go', { ...ports, store: stopAt(11) })).rejects.toThrow('stopped');
    void road(issue);
    expect(await imported(table(...good(30)), 'go', { ...ports, store: stopAt(-1) })).toBe(true);
    expect([...accepted].sort()).toEqual(
      good(30)
        .map(row => row.split(',')[0]!)
        .sort(),
    );
  });

  test('leaves a domain that is known with another wish alone', async () => {
    await world.store.acceptWish(
      { domain: 'd0.example', mailServers: ['mx2.provider.example'], policy: 'wildcard' },
      { at: 1 },
      1,
    );
    expect(await imported(table(...good(1)), 'go', ports)).toBe(false);
    expect(said[0]).toBe('line 2, domain: d0.example is known with another wish; put Domain Changed');
    expect(await world.store.readDomain('d0.example')).toMatchObject({
      spec: { mailServers: ['mx2.provider.example'] },
    });
  });

  test('says which were parked, and why', async () => {
    void road(async domain => {
      const record = await world.store.claimDomain({ domain, me: 'me', now: world.time });
      const parked = {
        reason: 'DomainNotManaged' as const,
        message: 'no line',
        since: 0,
        nextTry: world.time + day,
        tries: 1,
      };
      if (record) await world.store.parkDomain({ domain, me: 'me', seen: 1 }, parked, []);
    });
    expect(await imported(table(...good(2)), 'go', ports)).toBe(false);
    expect(said).toContain('d1.example: DomainNotManaged: no line');
    expect(said.at(-1)).toContain('2 taken up, 2 of them parked');
    said.length = 0;
    await imported(table(...good(2)), 'go', ports);
    expect(said[0]).toMatch(/^0 new, 2 known already \(2 of them parked: sealpost status says why\), 0 bad rows/);
  });
});

describe('a domain that is served with another certificate', () => {
  const claim = (detail: object) =>
    claimDomain(
      {
        'detail-type': 'Certificate Expiring',
        time: new Date(world.time).toISOString(),
        execution: 'me',
        ...detail,
      } as never,
      { ...world, dns: {} as never, challengeZone, issuers: [anIssuer()], directoryOf: async () => ({}) },
    );
  const own = { look: 'due', detail: { domain: 'd0.example' } };
  const wish: Wish = { domain: 'd0.example', mailServers: [mx1], policy: 'wildcard' };

  test('costs no order and is given nothing until that runs low', async () => {
    await world.store.acceptWish(wish, { at: 1 }, world.time, served());
    const { renewAt } = served();
    expect(await claim(own)).toMatchObject({ ended: 'StillFresh' });
    expect(await world.store.readDomain('d0.example')).toMatchObject({ dueAt: renewAt });
    expect(await world.store.work(mx1, 10)).toEqual([]);
    world.time = renewAt;
    await expect(claim(own)).rejects.not.toMatchObject({ name: 'StillFresh' });
  });

  test('is ordered at once where somebody asks, and no other wish keeps the knowledge', async () => {
    await world.store.acceptWish(wish, { at: 1 }, world.time, served());
    await expect(claim({ detail: { domain: 'd0.example' } })).rejects.not.toMatchObject({ name: 'StillFresh' });
    await world.store.acceptWish({ ...wish, mailServers: ['mx2.provider.example'] }, { at: 2 }, world.time);
    expect(await world.store.readDomain('d0.example')).not.toHaveProperty('foreign');
  });
});

describe('the look at a server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-served-'));
  const ca = scratchCa(directory);
  const wish: Wish = { domain: 'a.example', mailServers: ['localhost'], policy: 'wildcard' };
  let server: Server;
  let shown = ca.issue(['mail.a.example']);
  beforeAll(async () => {
    server = createServer({ SNICallback: (_, done) => done(null) });
    server.on('tlsClientError', () => {});
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const look = (roots = ca.root, wanted = wish, now = Date.now()) => {
    server.setSecureContext({ key: shown.key, cert: shown.chain });
    const sight = {
      roots,
      resolvers: '',
      ports: [(server.address() as AddressInfo).port],
      addressOf: async () => '127.0.0.1',
    };
    return seenServed(wanted, sight, now);
  };

  test('finds a certificate that is trusted and good for what people type', async () => {
    expect(await look()).toMatchObject({ fingerprint: shown.leaf, issuedBy: 'Scratch Intermediate' });
  });

  test.each([
    ['is of a root that nobody trusts', () => look('')],
    ['is for another name', () => look(ca.root, { ...wish, domain: 'b.example' })],
    ['runs low', () => look(ca.root, wish, Date.now() + 81 * day)],
    ['lacks a name of the list', () => look(ca.root, { ...wish, policy: 'list', names: ['mail', 'imap'] })],
  ])('finds none where it %s', async (_, attempt) => {
    shown = ca.issue(['mail.a.example']);
    expect(await attempt()).toBeUndefined();
  });
});

describe('the figures', () => {
  test('are those of the state machines: the good road, counted', () => {
    const walk = (path: string, from?: string, until?: string) => {
      const { States, StartAt } = json(path) as {
        States: Record<string, { Next?: string; End?: true; Default?: string }>;
        StartAt: string;
      };
      const states: string[] = [];
      for (
        let at: string | undefined = from ?? StartAt;
        at && at !== until;
        at = States[at]?.Next ?? States[at]?.Default
      )
        states.push(at);
      return states.filter(name => (States[name] as { Type?: string }).Type !== 'Succeed');
    };
    expect(walk('statemachines/secure-domain.asl.json')).toHaveLength(TRANSITIONS.certificate);
    expect(walk('statemachines/deliver-to-server.asl.json')).toHaveLength(TRANSITIONS.delivery);
  });

  test('follow the limit: what fits into the burst goes at once, the others at the mean rate', () => {
    const { issuer } = ports;
    expect(planImport({ orders: 240, leftToOthers: 0 }, issuer)).toMatchObject({ hours: 0, transitions: 2_640 });
    // 0.9 of 300 in 3 hours is one each 40 s.
    expect(planImport({ orders: 240 + 9_000, leftToOthers: 0 }, issuer).hours).toBeCloseTo(100);
    expect(planImport({ orders: 1, leftToOthers: 0 }, { limits: {} })).not.toHaveProperty('hours');
    expect(planImport({ orders: 1_000_000, leftToOthers: 0 }, issuer).dollars).toBeCloseTo(343.5, 0);
  });
});

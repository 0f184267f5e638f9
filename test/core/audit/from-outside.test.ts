/**
 * The outside check: what clients on the internet find. Its result is stored apart from the
 * audit's.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Dns } from '../../../core/dns/authoritative.ts';
import type { Look, Seen } from '../../../core/audit/handshake.ts';
import { checkDueServers } from '../../../core/audit/round.ts';
import { askAudit } from '../../../core/audit/ask-audit.ts';
import { day, minute, mx1, newWorld, node, readyServer, type World } from '../world.ts';

let world: World;
let me: string;
let looks: Omit<Look, 'trust'>[];
let addresses: string[];
/** What a handshake shows; a test replaces this function. */
let shown: (look: Omit<Look, 'trust'>) => Seen;
const leafOf = (name: string) =>
  Buffer.from(name.replace(/^(mail|webmail)\./, ''))
    .toString('hex')
    .padEnd(64, '0');
const good = ({ name }: Omit<Look, 'trust'>): Seen => ({ reached: true, trusted: true, fingerprint: leafOf(name) });
const ports = [443, 465, 587, 993, 995];

const dns = { resolve: async () => addresses } as unknown as Dns;
const round = () =>
  checkDueServers({
    ...world,
    dns,
    ports,
    askAudit: server => askAudit({ server, by: 'the outside check' }, world),
    handshake: async look => {
      looks.push(look);
      return shown(look);
    },
  });
const outside = async () => (await world.store.outsides())[0]!;

async function installed(domain: string, host = false) {
  const seen = host
    ? { leaf: leafOf(domain), mail: domain, default: true as const }
    : { leaf: leafOf(domain), mail: `mail.${domain}`, webmail: `webmail.${domain}` };
  const facts = { domain, certificate: 'c', fingerprint: seen.leaf, looks: [seen], seenAt: world.time, node };
  await world.store.recordInstalled(mx1, { domain, v: 0 }, facts);
}

beforeEach(async () => {
  world = newWorld();
  me = await readyServer(world, { capability: { ports: ['465,25,587,993,143,995,110,443'] } });
  await world.store.releaseServer({ server: mx1, me, now: world.time }, { wanted: 1 });
  looks = [];
  addresses = ['192.0.2.1'];
  shown = good;
  await installed(mx1, true);
  for (const domain of ['a.test', 'b.test']) await installed(domain);
  await world.store.beginOutside(mx1, world.time);
});

describe('an outside check', () => {
  test("is made at the address of the server's name, by each name, and for the host name also without SNI", async () => {
    expect(await round()).toEqual({ looked: 1, failed: 0 });
    expect(new Set(looks.map(({ address }) => address))).toEqual(new Set(['192.0.2.1']));
    const seen = looks.map(({ name, port, isNameUnsaid }) => `${isNameUnsaid ? '-' : name} ${port}`);
    const mail = [465, 587, 993, 995];
    const wanted = ['mail.a.test', 'mail.b.test', mx1, '-'].flatMap(name => mail.map(port => `${name} ${port}`));
    expect(seen.sort()).toEqual([...wanted, 'webmail.a.test 443', 'webmail.b.test 443'].sort());
    expect(await outside()).toEqual({
      ...{ server: mx1, at: world.time, dueAt: world.time + day, endpoints: 18, verified: 18, unseen: [] },
    });
    expect(world.bus.events).toEqual([]);
  });

  test('is made once a day, however often the function runs', async () => {
    await round();
    looks = [];
    world.time += day - minute;
    expect(await round()).toEqual({ looked: 0, failed: 0 });
    expect(looks).toEqual([]);
    world.time += minute;
    expect((await round()).looked).toBe(1);
  });

  test('of a port that does not answer makes one handshake, says unreachable, and asks for no audit', async () => {
    shown = look => (look.port === 465 ? { reached: false, trusted: false, reason: 'timed out' } : good(look));
    await round();
    expect(looks.filter(({ port }) => port === 465)).toHaveLength(1);
    expect(await outside()).toMatchObject({ endpoints: 18, verified: 14, unreachable: [465], unseen: [] });
    expect(world.bus.events.map(({ detailType, detail }) => [detailType, detail])).toEqual([
      [
        'Endpoints Unverified',
        {
          ...{ server: mx1, seenFrom: 'outside', endpoints: 18, verified: 14 },
          ...{ domains: [], drifted: 0, silentPorts: [465] },
        },
      ],
    ]);
    expect(await world.store.readServer(mx1)).not.toHaveProperty('auditAsked');
  });

  test.each<[string, Seen, RegExp]>([
    [
      'a certificate that is not trusted',
      { reached: true, trusted: false, fingerprint: 'e', reason: 'self signed' },
      /^not trusted: self/,
    ],
    [
      'another certificate',
      { reached: true, trusted: true, fingerprint: 'e', issuer: 'Proxy CA' },
      /another .* by Proxy CA/,
    ],
    ['no TLS', { reached: true, trusted: false, reason: 'hung up' }, /^no TLS: hung up/],
  ])('that finds %s records why, and asks for an audit of the server', async (_, seen, why) => {
    shown = look => (look.name === 'mail.b.test' && look.port === 993 ? seen : good(look));
    await round();
    const { unseen, verified } = await outside();
    expect(unseen).toEqual([{ domain: 'b.test', port: 993, why: expect.stringMatching(why) }]);
    expect(verified).toBe(17);
    expect(await world.store.readServer(mx1)).toMatchObject({ auditAsked: world.time });
  });

  test('accepts the certificate that was installed while it ran', async () => {
    shown = look => {
      if (look.name !== 'mail.b.test') return good(look);
      void world.store.recordInstalled(
        mx1,
        { domain: 'b.test', v: 0 },
        { domain: 'b.test', certificate: 'd', fingerprint: 'e', looks: [{ leaf: 'e' }], seenAt: 1, node },
      );
      return { reached: true, trusted: true, fingerprint: 'e' };
    };
    await round();
    expect(await outside()).toMatchObject({ verified: 18, unseen: [] });
  });

  test('of a name without an address makes no handshake, and records why', async () => {
    addresses = [];
    await round();
    expect(await outside()).toMatchObject({ why: expect.stringContaining('no address') });
    expect(looks).toEqual([]);
  });

  test('takes another share of the domains each day, and each time those that were wrong', async () => {
    for (let i = 100; i < 220; i++) await installed(`d${i}.test`);
    shown = look => (look.name === 'mail.a.test' ? { reached: true, trusted: false, fingerprint: 'e' } : good(look));
    const days: Set<string>[] = [];
    for (let i = 0; i < 3; i++) {
      looks = [];
      await round();
      days.push(new Set(looks.filter(({ port }) => port === 443).map(({ name }) => name)));
      world.time += day;
    }
    expect(days.map(names => names.size)).toEqual([50, 51, 23]);
    for (const names of days) expect(names).toContain('webmail.a.test');
    expect(new Set(days.flatMap(names => [...names])).size).toBe(122);
  });

  test('that fails is an error, after the other servers were checked', async () => {
    world.store.allInstalled = () => Promise.reject(new Error('busy'));
    await expect(round()).rejects.toThrow('1 of 1 looks failed');
    expect((await outside()).dueAt).toBe(world.time + day);
  });

  test('of a server that is retired is deleted', async () => {
    await world.store.retireServer(mx1, world.time + 1);
    expect(await round()).toEqual({ looked: 0, failed: 0 });
    expect(await world.store.outsides()).toEqual([]);
  });
});

describe('an operator who asks for an audit', () => {
  test('gets an audit of the server at once, and an outside check at the next run', async () => {
    await round();
    world.time += minute;
    expect(await askAudit({ server: mx1, by: 'a person' }, world)).toEqual({ server: mx1, asked: true });
    expect(world.executions.started.at(-1)).toMatchObject({ machine: 'deliver-to-server', input: { server: mx1 } });
    expect((await outside()).dueAt).toBe(world.time);
  });

  test('gets the answer that the server is not registered', async () => {
    expect(await askAudit({ server: 'mx9.provider.example', by: 'a person' }, world)).toEqual({
      server: 'mx9.provider.example',
      asked: false,
    });
    expect((await world.store.outsides()).length).toBe(1);
  });
});

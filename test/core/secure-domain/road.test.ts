/**
 * From a plan to a certificate that is stored, at a real CA (Pebble) that queries a name server of
 * the test.
 */
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemResolver } from '../../../core/dns/authoritative.ts';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import { claimDomain } from '../../../core/secure-domain/claim-domain.ts';
import { finalizeOrder } from '../../../core/secure-domain/finalize-order.ts';
import type { StoredCertificate } from '../../../core/record/domain.ts';
import { createOrder } from '../../../core/secure-domain/create-order.ts';
import { publishChallenges } from '../../../core/secure-domain/publish-challenges.ts';
import { validate } from '../../../core/secure-domain/validate.ts';
import { SealpostError } from '../../../core/errors.ts';
import { parkDomain } from '../../../core/secure-domain/park-domain.ts';
import { releaseDomain } from '../../../core/secure-domain/release-domain.ts';
import { quietMoment } from '../../../core/work/quiet.ts';
import { LEASE_MS } from '../../../core/ports/lease.ts';
import { accountKey, problem, startTestCa, type TestCa } from '../acme/ca.ts';
import { reusingOrders, type MadeOrders } from '../acme/reused-orders.ts';
import { startNameServer, type NameServer } from '../dns/name-server.ts';
import {
  aCertificate,
  anIssuer,
  challengeZone,
  created,
  day,
  minute,
  mx1,
  newWorld,
  node,
  register,
  type World,
  unlessEnded,
} from '../world.ts';

/**
 * The zone's one authoritative server is found by NS and A records as in the world, so at port 53
 * of an address of this run's own.
 */
const address = `127.${1 + Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}.1`;
let at: TestCa;
let zone: NameServer;
let roots: string;
let accountUrl: string;
let world: World;
let domain: string;
let names: string[];
const issuer = anIssuer();
let serial = 0;
let saidAt: number;
/** Set: the CA hands its orders out again. */
let made: MadeOrders | undefined;

beforeAll(async () => {
  at = await startTestCa();
  zone = await startNameServer(address, 53);
  accountUrl = await at.connect().register({ contact: ['mailto:ops@provider.example'], termsAgreed: true });
  roots = await at.ca.issuerRoots();
}, 300_000);
afterAll(async () => {
  await zone?.stop();
  await at?.stop();
});

beforeEach(async () => {
  at.calm();
  made = undefined;
  zone.records.clear();
  domain = `d${(serial += 1)}.example`;
  names = [domain, `*.${domain}`];
  // A minute ahead: on a busy machine the CA's seconds pass while the world's clock stands still.
  world = newWorld(Date.now() + 60_000);
  saidAt = world.time;
  await register(world, mx1);
  at.names.records.set(`${challengeZone.name} NS`, ['ns1.provider.example']);
  at.names.records.set('ns1.provider.example A', [address]);
  at.names.records.set(`_acme-challenge.${domain} CNAME`, [challengeTarget(domain, challengeZone)]);
});

/** The zone's server and the CA's resolver answer with the zone's values of now. */
function serve(): void {
  for (const [key, values] of world.zones.txt)
    for (const server of [zone, at.names]) server.records.set(`${key.split(' ')[1]} TXT`, values);
}

const acme = () => {
  const connected = at.connect({ accountUrl, accountKey });
  return made ? reusingOrders(connected, made) : connected;
};
const ports = () => ({
  ...world,
  ...{ dns: systemResolver([at.names.address]), challengeZone, issuers: [issuer], directoryOf: async () => ({}) },
  ...{ issuer, propagationMs: 30_000, quietHours: { from: 1, to: 5 } },
  // Each step runs in a process of its own.
  ...{ acme: acme(), registerAgain: async () => {}, random: () => 0.5, roots },
});
const claim = (execution = 'me') =>
  unlessEnded(claimDomain({ ...created({ domain }, new Date(saidAt).toISOString()), execution } as never, ports()));
const order = async () => createOrder({ ...(await claim()), execution: 'me' }, ports());
const publish = async () => publishChallenges({ ...(await order()), execution: 'me' }, ports());
const prove = async () => {
  const published = await publish();
  serve();
  return validate({ ...published, execution: 'me' }, ports());
};
const finalize = (input: Awaited<ReturnType<typeof prove>>) =>
  unlessEnded(finalizeOrder({ ...input, execution: 'me' }, ports()));
const newOrders = () => at.answered.filter(line => line === '201 POST /order-plz').length;

describe('the road of a domain', () => {
  test('ends with a certificate that is stored beside its key, and work for its server', async () => {
    const proven = await prove();
    const finalized = await finalize(proven);
    await unlessEnded(releaseDomain({ ...finalized, execution: 'me' }, ports()));

    const id = proven.certificateId!;
    expect(finalized).toMatchObject({ domain, certificate: id, names });
    const leaf = new X509Certificate(await world.certificates.readChain({ domain, id }));
    expect(leaf.subjectAltName!.split(', ').sort()).toEqual(names.map(name => `DNS:${name}`).sort());
    expect(leaf.checkPrivateKey(createPrivateKey(await world.certificates.readKey({ domain, id })))).toBe(true);
    const fingerprint = leaf.fingerprint256.replaceAll(':', '').toLowerCase();
    expect(await world.store.work(mx1, 10)).toMatchObject([{ domain, certificate: { id, fingerprint, names } }]);

    const record = (await world.store.readDomain(domain))!;
    expect(record).toMatchObject({ done: 1, current: { id, notAfter: finalized.notAfter } });
    expect(record.dueAt).toBeGreaterThan(world.time);
    expect(record.dueAt).toBeLessThan(finalized.notAfter);
    expect(world.zones.txt.size).toBe(0);
    expect(at.seen.length).toBeLessThanOrEqual(12);
  });

  test("has no private key in a step's output nor in the record", async () => {
    const proven = await prove();
    const finalized = await finalize(proven);
    const said = JSON.stringify([proven, finalized, await world.store.readDomain(domain), world.bus.events]);
    expect(said).not.toContain('PRIVATE KEY');
    const key = await world.certificates.readKey({ domain, id: proven.certificateId! });
    expect(said).not.toContain(key.split('\n')[1]);
  });
});

describe('an order', () => {
  test('is created once if its step is retried', async () => {
    const plan = await claim();
    const one = await createOrder({ ...plan, execution: 'me' }, ports());
    const two = await createOrder({ ...plan, execution: 'me' }, ports());
    expect(two.order.url).toBe(one.order.url);
    expect(newOrders()).toBe(1);
  });

  test('is created again if the CA no longer has the stored one', async () => {
    const plan = await claim();
    const gone = `${new URL(at.directoryUrl).origin}/my-order/gone`;
    await world.store.recordOrder({ domain, me: 'me' }, { url: gone, planned: names, issuer: 'ca' });
    const { order } = await createOrder({ ...plan, execution: 'me' }, ports());
    expect(order.url).not.toBe(gone);
    expect(await world.store.readDomain(domain)).toMatchObject({
      order: { url: order.url, planned: names, issuer: 'ca' },
    });
  });

  test('is not created by an execution that lost its claim', async () => {
    const plan = await claim();
    world.time += LEASE_MS + 1;
    await world.store.claimDomain({ domain, me: 'other', now: world.time });
    await expect(createOrder({ ...plan, execution: 'me' }, ports())).rejects.toMatchObject({ name: 'ClaimLost' });
    expect(newOrders()).toBe(0);
  });
});

describe('the TXT values of an order', () => {
  test('are recorded before they are in DNS, those of a domain and its wildcard under one name', async () => {
    const ordered = await order();
    const refusing = { ...world.zones, changeTxt: () => Promise.reject(new Error('Route 53 is away')) };
    const input = { ...ordered, execution: 'me' };
    await expect(publishChallenges(input, { ...ports(), zones: refusing })).rejects.toThrow('Route 53 is away');
    const values = ordered.order.challenges.map(challenge => challenge.value);
    expect(new Set(values).size).toBe(2);
    expect((await world.store.readDomain(domain))!.published).toEqual([
      { zoneId: challengeZone.id, recordName: challengeTarget(domain, challengeZone), values },
    ]);
  });

  test('get the time that the zone takes to publish them', async () => {
    const { until } = await publish();
    expect(Date.parse(until) - world.time).toBe(30_000);
  });

  test('are not shown to the CA before every name server has them', async () => {
    const published = await publish();
    at.seen = [];
    await expect(validate({ ...published, execution: 'me' }, ports())).rejects.toMatchObject({
      name: 'DnsNotPropagated',
      message: expect.stringContaining(`ns1.provider.example (${address})`),
    });
    expect(at.seen).toEqual([]);
  });

  test("that are wrong fail in the CA's own words", async () => {
    const published = await publish();
    serve();
    // The CA's resolver gives another value than the zone's server.
    at.names.records.set(`${challengeTarget(domain, challengeZone)} TXT`, ['wrong']);
    await expect(validate({ ...published, execution: 'me' }, ports())).rejects.toMatchObject({
      name: 'ChallengeFailed',
      message: expect.stringContaining(domain),
    });
  });
});

/** The order is a renewal: the domain's certificate is served, and expires weeks later. */
async function beforeItsRenewal(): Promise<{ renewed: StoredCertificate; quiet: number }> {
  const dates = { notBefore: world.time - 60 * day, notAfter: world.time + 30 * day, renewAt: world.time };
  const renewed = aCertificate(world, { names, ...dates });
  const { id, fingerprint } = renewed;
  world.memory.domains.get(domain)!.current = renewed;
  const seen = { domain, certificate: id, fingerprint, seenAt: world.time, node };
  await world.store.recordInstalled(mx1, { domain, v: 0 }, seen);
  await world.store.endWork(mx1, { domain, v: 0 });
  return { renewed, quiet: quietMoment(mx1, world.quietHours, world.time) };
}

describe('the host name of a server', () => {
  const me = 'host';
  const keyOf = (id: string) => world.certificates.readKey({ domain, id });
  const currentOf = async () => (await world.store.readDomain(domain))!.current!;
  const spki = (id: string) => keyOf(id).then(pem => createPublicKey(pem).export({ type: 'spki', format: 'der' }));
  const lineOf = async (id: string) =>
    createHash('sha256')
      .update(await spki(id))
      .digest('hex');
  const tlsa = (hash: string) => at.names.records.set(`_25._tcp.${domain} TLSA`, [`030101${hash}`]);

  beforeEach(async () => {
    await register(world, domain);
    const spec = { domain, mailServers: [domain], policy: 'list' as const, names: ['@'], host: true };
    await world.store.acceptWish(spec, { at: saidAt }, world.time);
  });
  /**
   * From the sweep's event to the release.
   * @returns the id of the certificate
   */
  async function secured(): Promise<string> {
    const said = { 'detail-type': 'Certificate Expiring', time: new Date(world.time).toISOString() };
    const event = { ...said, look: 'due', detail: { domain }, execution: me };
    const ordered = await createOrder(
      { ...(await unlessEnded(claimDomain(event as never, ports()))), execution: me },
      ports(),
    );
    const published = await publishChallenges({ ...ordered, execution: me }, ports());
    serve();
    const proven = await validate({ ...published, execution: me }, ports());
    const finalized = await unlessEnded(finalizeOrder({ ...proven, execution: me }, ports()));
    await unlessEnded(releaseDomain({ ...finalized, execution: me }, ports()));
    return finalized.certificate;
  }
  const due = async () => void (world.time = Math.max(world.time, (await world.store.readDomain(domain))!.dueAt!));
  async function parked(): Promise<string> {
    const error = await secured().catch((error: Error) => error);
    const { name, message } = error as Error;
    await parkDomain({ domain, execution: me, error: error as Error }, ports());
    return `${name}: ${message}`;
  }
  /** The certificate's renewal is due now. */
  function end(): void {
    const record = world.memory.domains.get(domain)!;
    record.current!.renewAt = record.dueAt = world.time;
  }

  test('keeps its key at a renewal, so its TLSA record fits', async () => {
    const first = await secured();
    tlsa(await lineOf(first));
    end();
    const second = await secured();
    expect(second).not.toBe(first);
    expect(await keyOf(second)).toBe(await keyOf(first));
    expect((await currentOf()).id).toBe(second);
  });

  /** The CA refuses its renewal, which is then due again. */
  async function refused(message: string): Promise<void> {
    end();
    const asked = { 'detail-type': 'Certificate Expiring', time: new Date(world.time).toISOString() };
    await unlessEnded(claimDomain({ ...asked, look: 'due', detail: { domain }, execution: me } as never, ports()));
    await parkDomain({ domain, execution: me, error: { name: 'AcmeRejected', message } }, ports());
    await due();
  }

  test('keeps its key if the CA refused the order before for another reason', async () => {
    const first = await secured();
    await refused('The CA answered HTTP 403: no (unauthorized)');
    expect(await keyOf(await secured())).toBe(await keyOf(first));
  });

  test('gets its new certificate a day before the old one expires, whatever its TLSA record says', async () => {
    await secured();
    tlsa('00'.repeat(32));
    end();
    const { current } = world.memory.domains.get(domain)!;
    current!.notAfter = world.time + 26 * 3_600_000;
    expect(await parked()).toMatch(/^TlsaMismatch/);
    await due();
    current!.notAfter = world.time + 24 * 3_600_000;
    expect((await currentOf()).id).not.toBe(await secured());
  });

  test.each([
    ['if an operator asked for a renewal', () => world.store.askRenewal(domain, world.time)],
    [
      'if the CA refused the key',
      () => refused('The CA answered HTTP 400: this key is known to be compromised (badPublicKey)'),
    ],
  ])('has a new key %s', async (_, happens) => {
    const first = await secured();
    await happens();
    const second = await secured();
    expect(await keyOf(second)).not.toBe(await keyOf(first));
  });

  test.each(['finalized', 'ready'])(
    'has the new key that an operator asked for, even if an order with the old key is %s, and comes again',
    async status => {
      made = new Map();
      const first = await secured();
      end();
      const { store } = world;
      if (status === 'finalized')
        world.store = { ...store, commitCertificate: () => Promise.reject(new Error('killed')) };
      else at.fault = line => (line.includes('/finalize-order/') ? 'refused' : undefined);
      await expect(secured()).rejects.toThrow();
      world.store = store;
      at.fault = () => undefined;
      world.time += LEASE_MS + 1;
      await store.askRenewal(domain, world.time);
      expect(await parked()).toMatch(/^CertificateUnusable: .* made with the key that is to be replaced/);
      await due();
      expect(await keyOf(await secured())).not.toBe(await keyOf(first));
    },
  );

  test('has a new key if the CA refused the old one, also after a try that failed before it came to a key', async () => {
    const first = await secured();
    await refused('The CA answered HTTP 400: this key is known to be compromised (badPublicKey)');
    await refused('The CA answered HTTP 403: no (unauthorized)');
    expect(await keyOf(await secured())).not.toBe(await keyOf(first));
  });

  test('keeps its certificate until a TLSA record fits the new one, and continues by itself', async () => {
    const first = await secured();
    tlsa(await lineOf(first));
    await world.store.askRenewal(domain, world.time);
    const asked = newOrders();
    const said = await parked();
    const [, line] = /^TlsaMismatch: .* IN TLSA 3 1 1 ([0-9a-f]{64})$/.exec(said)!;
    expect(await currentOf()).toMatchObject({ id: first });
    expect(await world.store.work(domain, 10)).toMatchObject([{ certificate: { id: first } }]);
    await due();
    expect(await parked()).toBe(said);
    tlsa(line!);
    await due();
    const second = await secured();
    expect(await lineOf(second)).toBe(line);
    expect(await world.store.work(domain, 10)).toMatchObject([{ certificate: { id: second } }]);
    expect(newOrders()).toBe(asked + 1);
    expect(await world.store.readDomain(domain)).not.toHaveProperty('parked');
  });

  test('is parked for a person if the challenge zone is gone, like every other delegated name', async () => {
    const gone = new SealpostError('DomainNotManaged', {
      about: domain,
      message: 'the hosted zone ZCHALLENGES is gone',
    });
    world.zones.changeTxt = () => Promise.reject(gone);
    expect(await parked()).toBe('Error: the hosted zone ZCHALLENGES is gone; it is the setting ChallengeZoneId');
    expect((await world.store.readDomain(domain))!.parked).toMatchObject({ reason: 'Unexpected' });
  });

  test("matters to no customer: the customer's TLSA records are not read, and each key is new", async () => {
    const customers = `customer.${domain}`;
    at.names.records.set(`_acme-challenge.${customers} CNAME`, [challengeTarget(customers, challengeZone)]);
    domain = customers;
    tlsa('00'.repeat(32));
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'list', names: ['@'] }, { at: saidAt }, saidAt);
    const first = await secured();
    end();
    expect(await keyOf(await secured())).not.toBe(await keyOf(first));
  });
});

test('a key that the CA refused is not used again, though the CA hands the same order out again', async () => {
  made = new Map();
  const proven = await prove();
  at.fault = line =>
    line.includes('/finalize-order/') ? { status: 400, ...problem('badPublicKey', 'no') } : undefined;
  const error = await finalize(proven).catch((error: Error) => error);
  expect(error).toMatchObject({ name: 'AcmeRejected', message: expect.stringContaining('badPublicKey') });
  await parkDomain({ domain, execution: 'me', error: error as Error }, ports());
  at.fault = () => undefined;
  const refused = await world.certificates.readKey({ domain, id: proven.certificateId! });
  world.time = (await world.store.readDomain(domain))!.dueAt!;

  const again = await prove();
  expect(again.order.url).toBe(proven.order.url);
  const { certificate } = await finalize(again);
  expect(await world.certificates.readKey({ domain, id: certificate })).not.toBe(refused);
});

describe('a finalized order', () => {
  test('whose step was killed after the key was stored continues with that key', async () => {
    const proven = await prove();
    const id = proven.certificateId!;
    const killed = { ...world.certificates, putChain: () => Promise.reject(new Error('killed')) };
    const input = { ...proven, execution: 'me' };
    await expect(unlessEnded(finalizeOrder(input, { ...ports(), certificates: killed }))).rejects.toThrow('killed');
    const key = await world.certificates.readKey({ domain, id });
    expect(await finalize(proven)).toMatchObject({ certificate: id });
    expect(await world.certificates.readKey({ domain, id })).toBe(key);
    expect(at.answered.filter(line => line.startsWith('200 POST /finalize-order'))).toHaveLength(1);
  });

  test('may be finalized again after everything was written', async () => {
    const proven = await prove();
    const once = await finalize(proven);
    const { work } = world.store;
    const given = await work(mx1, 10);
    expect(await finalize(proven)).toEqual(once);
    expect(await work(mx1, 10)).toEqual(given);
  });

  test('of a calm renewal stays calm in a retry after everything was written', async () => {
    const proven = await prove();
    const { renewed, quiet } = await beforeItsRenewal();
    const once = await finalize(proven);
    expect(once.wake).toEqual([]);
    world.time += minute;
    expect(await finalize(proven)).toEqual(once);
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ calm: true, notBefore: quiet });
    expect((await world.store.readDomain(domain))!.superseded).toEqual([renewed.id]);
  });

  test('whose wish changed meanwhile makes no certificate current and gives no work', async () => {
    const proven = await prove();
    const wish = { domain, mailServers: [mx1], policy: 'list' as const, names: ['@'] };
    await world.store.acceptWish(wish, { at: saidAt + 1 }, world.time);
    await expect(finalize(proven)).rejects.toMatchObject({ name: 'WishChanged', about: domain });
    expect(await world.store.readDomain(domain)).not.toHaveProperty('current');
    expect(await world.store.work(mx1, 10)).toEqual([]);
    await unlessEnded(releaseDomain({ ...proven, execution: 'me' }, ports()));
    // The order has other names than the wish, so that it is forgotten. Its key is deleted later.
    const again = { ...created({ domain, policy: 'list', names: ['@'] }, new Date(saidAt + 1).toISOString()) };
    expect(await claimDomain({ ...again, execution: 'next' } as never, ports())).toMatchObject({ names: [domain] });
    expect(await world.store.readDomain(domain)).toMatchObject({ superseded: [proven.certificateId] });
  });

  test('is not made current for a wish that only a late run of ClaimDomain has read', async () => {
    const proven = await prove();
    const wish = { domain, mailServers: [mx1], policy: 'list' as const, names: ['@'] };
    await world.store.acceptWish(wish, { at: saidAt + 1 }, world.time);
    await world.store.claimDomain({ domain, me: 'me', now: world.time });
    await expect(finalize(proven)).rejects.toMatchObject({ name: 'WishChanged', about: domain });
    expect(await world.store.readDomain(domain)).not.toHaveProperty('current');
    expect(await world.store.work(mx1, 10)).toEqual([]);
  });

  test('whose chain leads to no trusted root stores nothing', async () => {
    const proven = await prove();
    await expect(
      unlessEnded(finalizeOrder({ ...proven, execution: 'me' }, { ...ports(), roots: '' })),
    ).rejects.toMatchObject({
      name: 'CertificateUnusable',
    });
    expect([...world.objects.keys()].filter(key => key.endsWith('/chain'))).toEqual([]);
    expect(await world.store.work(mx1, 10)).toEqual([]);
  });
});

/**
 * A domain with a provided certificate, from the day on which it is provided until ours replaces
 * it.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import type { ProvidedCertificate, Use } from '../../../core/record/domain.ts';
import { isServing } from '../../../core/work/serving.ts';
import { certificatesOf, markAt, nextProvidedEvaluation, takenOverAt } from '../../../core/record/provided.ts';
import {
  aCertificate,
  anIssuer,
  challengeZone,
  day,
  domain,
  mx1,
  newWorld,
  node,
  readyServer,
  type World,
  unlessEnded,
} from '../world.ts';

let world: World;
let ports: ClaimPorts;
const nothing = async (): Promise<never> => {
  throw new Error('nothing is looked up for a domain that needs no order');
};
const dns = new Proxy({}, { get: () => nothing }) as ClaimPorts['dns'];
const capability = { 'serves-by-name': ['postfix,dovecot,nginx'] };

beforeEach(async () => {
  world = newWorld();
  await readyServer(world, { capability });
  ports = {
    ...{ ...world, dns, challengeZone, issuers: [anIssuer()] },
    directoryOf: async () => ({ caaIdentities: [] }),
  };
});

function bought(more: Partial<ProvidedCertificate> = {}): ProvidedCertificate {
  const dates = { notBefore: world.time - day, notAfter: world.time + 199 * day };
  return {
    ...{ id: 'b'.repeat(64), fingerprint: 'b'.repeat(64), issuer: 'elsewhere', issuedBy: 'Bought CA', ...dates },
    ...{ names: [`mail.${domain}`, `webmail.${domain}`], renewAt: takenOverAt({ ...dates, ...more }) },
    ...more,
  };
}
const provide = (provided: Partial<Record<Use, ProvidedCertificate>>) =>
  world.store.provide(domain, { provided, before: undefined, now: world.time });
const wished = () =>
  world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
let looks = 0;
const look = () =>
  unlessEnded(
    claimDomain(
      {
        ...{ 'detail-type': 'Certificate Expiring', detail: { domain }, look: 'due', execution: `look-${++looks}` },
        time: new Date(world.time).toISOString(),
      } as { execution: string },
      ports,
    ),
  );
/** Our certificate, issued and released. */
async function issued() {
  await wished();
  const certificate = aCertificate(world);
  const { wanted } = (await world.store.claimDomain({ domain, me: 'before', now: world.time }))!;
  await world.store.commitCertificate({
    domain,
    me: 'before',
    seen: wanted,
    certificate,
    servers: [mx1],
    now: world.time,
  });
  await world.store.releaseDomain({ domain, me: 'before', seen: wanted, now: world.time }, certificate.renewAt);
  return certificate;
}
const told = () =>
  world.bus.events
    .filter(({ detailType }) => detailType.startsWith('Provided'))
    .map(({ detail }) => [detail.for, detail.daysLeft]);

describe('a domain with a provided certificate for both mail and webmail', () => {
  test('orders nothing while the certificate is good, and its server gets the certificate', async () => {
    await wished();
    await provide({ mail: bought(), webmail: bought() });
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    const [work] = await world.store.work(mx1, 10);
    expect(work).toMatchObject({ domain, provided: { mail: { id: 'b'.repeat(64) }, webmail: { id: 'b'.repeat(64) } } });
    expect(work).not.toHaveProperty('certificate');
    expect(await world.store.readDomain(domain)).toMatchObject({ dueAt: bought().notAfter - 30 * day });
    expect(world.executions.started).toMatchObject([]);
  });

  test('deletes an order that was under way', async () => {
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
    await world.store.claimDomain({ domain, me: 'killed', now: world.time });
    await world.store.recordOrder(
      { domain, me: 'killed' },
      { url: 'https://ca.example/1', planned: [domain], issuer: 'ca' },
    );
    await provide({ mail: bought(), webmail: bought() });
    world.time += 2 * day;
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await world.store.readDomain(domain)).not.toHaveProperty('order');
  });

  test('notifies 30, 14, 7 days and one day before the end, once for both, and orders ours a week before', async () => {
    await wished();
    const { notAfter } = bought();
    await provide({ mail: bought(), webmail: bought() });
    const dues: number[] = [];
    for (let i = 0; i < 20; i++) {
      const isFresh = await look().catch((error: Error) => error.name === 'StillFresh');
      if (isFresh !== true) break;
      const { dueAt } = (await world.store.readDomain(domain))!;
      dues.push((notAfter - dueAt!) / day);
      world.time = dueAt!;
    }
    expect(dues).toEqual([30, 14, 7]);
    world.time = notAfter - day + 1;
    await expect(look()).rejects.toThrow('nothing is looked up');
    expect(told()).toEqual([30, 14, 7, 0].map(days => [['mail', 'webmail'], days]));
  });

  test('gives a new server the provided certificate until ours is issued, even if ours is due', async () => {
    const mail = bought();
    world.time = mail.renewAt + 1;
    expect(certificatesOf({ provided: { mail, webmail: mail } }, world.time)).toEqual({
      provided: { mail, webmail: mail },
    });
    const current = aCertificate(world);
    expect(certificatesOf({ current, provided: { mail, webmail: mail } }, world.time)).toEqual({
      certificate: current,
    });
    expect(certificatesOf({ provided: { mail, webmail: mail } }, mail.notAfter)).toEqual({});
  });

  test('sends no expired certificate of ours beside it', () => {
    const mail = bought();
    const current = aCertificate(world, { notAfter: world.time });
    expect(certificatesOf({ current, provided: { mail, webmail: mail } }, world.time)).not.toHaveProperty(
      'certificate',
    );
    expect(certificatesOf({ current }, world.time)).toEqual({ certificate: current });
  });
});

describe('a provided certificate for webmail only', () => {
  test('is delivered with ours, and is installed once both are seen', async () => {
    const ours = await issued();
    const one = bought({ names: [`webmail.${domain}`] });
    await provide({ webmail: one });
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    const work = (await world.store.workFor({ server: mx1, domain }))!;
    expect(work).toMatchObject({ certificate: { id: ours.id }, provided: { webmail: { id: one.id } } });
    const seen = { domain, certificate: ours.id, fingerprint: ours.fingerprint, seenAt: world.time, node };
    await world.store.recordInstalled(mx1, work, seen);
    await world.store.endWork(mx1, work);
    const record = (await world.store.readDomain(domain))!;
    expect(await isServing(mx1, record, world.store, world.time)).toBe(false);
    await world.store.recordInstalled(mx1, work, { ...seen, provided: { webmail: one.fingerprint } });
    await world.store.endWork(mx1, work);
    expect(await isServing(mx1, record, world.store, world.time)).toBe(true);
  });

  test('is no longer delivered once it is withdrawn', async () => {
    const ours = await issued();
    const webmail = bought();
    await provide({ webmail });
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    await world.store.provide(domain, { provided: undefined, before: { webmail }, now: world.time });
    const work = (await world.store.workFor({ server: mx1, domain }))!;
    const seen = { domain, certificate: ours.id, fingerprint: ours.fingerprint, seenAt: world.time, node };
    await world.store.recordInstalled(mx1, work, { ...seen, provided: { webmail: webmail.fingerprint } });
    await world.store.endWork(mx1, work);
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await world.store.workFor({ server: mx1, domain })).not.toHaveProperty('provided');
  });

  test('is replaced by ours at its time, without an order', async () => {
    const ours = await issued();
    const webmail = bought({ notAfter: world.time + 20 * day });
    await provide({ webmail });
    world.time = webmail.renewAt;
    await expect(look()).rejects.toMatchObject({ name: 'StillFresh' });
    expect(await world.store.workFor({ server: mx1, domain })).toMatchObject({ certificate: { id: ours.id } });
    expect(await world.store.workFor({ server: mx1, domain })).not.toHaveProperty('provided');
  });
});

test('a certificate of minutes is replaced when a third of its lifetime is left', () => {
  expect(takenOverAt({ notBefore: 0, notAfter: 300_000 })).toBe(200_000);
  expect(takenOverAt({ notBefore: 0, notAfter: 90 * day })).toBe(83 * day);
});

test('a certificate with 20 days left at first is past its first notice, of 30 days', () => {
  expect(markAt({ notAfter: 20 * day, now: 0 })).toBe(30);
  expect(markAt({ notAfter: 200 * day, now: 0 })).toBeUndefined();
  expect(markAt({ notAfter: day / 2, now: 0 })).toBe(1);
  expect(markAt({ notAfter: 0, now: 0 })).toBeUndefined();
  expect(nextProvidedEvaluation(undefined, 0)).toBe(Number.POSITIVE_INFINITY);
});

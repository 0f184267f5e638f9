/**
 * Renewals on the real parts: by themselves, when the CA says so, when an operator asks; calm and
 * urgent; and one that fails. All run at the same time, each with domains of its own, because each
 * mostly waits for the next minute.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateObjects } from '../../aws/objects.ts';
import type { StoredCertificate } from '../../core/record/domain.ts';
import { quietMoment } from '../../core/work/quiet.ts';
import type { Store } from '../../core/ports/store.ts';
import { setRenewalInfo } from '../../local/ca/advise.ts';
import { drill } from '../../local/drill.ts';
import { handshake } from '../../local/clients/handshake.ts';
import type { Provider } from '../../local/provider/provider.ts';
import {
  addMailServer,
  delegateDomain,
  putEvent,
  registerMailServer,
  storeOf,
  until,
  untilInstalled,
} from '../../local/provider/panel.ts';
import { watchClients, type Clients } from '../../local/clients/watch-clients.ts';
import { deploy, scratch, stack } from './provider.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const directory = scratch();
let provider: Provider;
let store: Store;
type Server = Awaited<ReturnType<typeof addMailServer>>;
let mx1: Server;
/** A server with one domain only: calm work there would be included in any other delivery. */
let mx3: Server;

/** Smaller than `npm start -- --drill`, which has 20: this machine runs other tests, too. */
const DRILL = { domains: 6, servers: ['mx1', 'mx2'] };
/** Its certificate is valid for five minutes and is renewed after half of them. */
const SHORT = 'fiveminutes.test';
const LONG: [string, string, number][] = [
  ['classic.test', 'classic', 90 * day],
  ['tlsserver.test', 'tlsserver', 45 * day],
  ['shortlived.test', 'shortlived', 160 * hour],
];
const ASKED = 'asked.test';
const CALM = 'calm.test';
const FAILING = 'failing.test';
let drilling: ReturnType<typeof drill>;
let shortClients: Clients;
let shortFirst: StoredCertificate;

const current = async (domain: string) => (await store.readDomain(domain))!.current!;
const served = async (domain: string, { address } = mx1) =>
  handshake({ address, port: 993, name: `mail.${domain}`, roots: provider.roots });

async function create(domain: string, profile: string, { hostName, address } = mx1): Promise<void> {
  await delegateDomain(provider, { domain, address });
  await putEvent(provider, 'Domain Created', { domain, mailServers: [hostName], profile });
}

const untilAnother = (domain: string, than: string, seconds: number, { hostName } = mx1) =>
  until(`another certificate of ${domain} seen served`, seconds, async () => {
    const installed = await store.installed({ server: hostName, domain });
    return installed !== undefined && installed.fingerprint !== than && installed;
  });

beforeAll(async () => {
  provider = await deploy(await stack(), directory);
  store = storeOf(provider);
  drilling = drill(provider, { ...DRILL, report: () => {} });
  mx3 = await addMailServer(provider, 'mx3');
  await registerMailServer(provider, 'mx3');
  const hostName = 'mx1.provider.test';
  await untilInstalled(store, { domain: hostName, server: hostName });
  const { address } = provider.hosts.get('mx1')!;
  mx1 = { hostName, address };
  await create(SHORT, 'fiveminutes');
  for (const [domain, profile] of LONG) await create(domain, profile);
  await create(ASKED, 'classic');
  await create(FAILING, 'shortlived');
  await create(CALM, 'tlsserver', mx3);
  const onMx1 = [SHORT, ...LONG.map(([domain]) => domain), ASKED, FAILING];
  await Promise.all(onMx1.map(domain => untilInstalled(store, { domain, server: hostName })));
  await untilInstalled(store, { domain: CALM, server: mx3.hostName });
  shortFirst = await current(SHORT);
  const client = { address, port: 993, name: `mail.${SHORT}` };
  shortClients = await watchClients([client], [address], provider.roots);
}, 600_000);

afterAll(async () => {
  await provider?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

describe.concurrent('the revocation drill', () => {
  it('replaces every key and sees it served, and no handshake and no session fails meanwhile', async () => {
    const drilled = await drilling;
    expect(drilled.troubles, drilled.text).toEqual([]);
    expect(drilled.text).toMatch(/^together +6 +6 /m);
    console.log(drilled.text);
  }, 900_000);
});

describe.concurrent('a certificate is due', () => {
  it.each(LONG)(
    '%s: in the window that its CA gives',
    async (domain, _, lifetime) => {
      const { notBefore, notAfter, window, renewAt } = await until(`the advice for ${domain}`, 150, async () => {
        const certificate = await current(domain);
        return certificate.window && certificate;
      });
      expect(Math.abs(notAfter - notBefore - lifetime)).toBeLessThan(minute);
      expect(renewAt).toBeGreaterThanOrEqual(window!.start);
      expect(renewAt).toBeLessThanOrEqual(window!.end);
      expect(window!.start).toBeGreaterThan(notBefore + lifetime / 3);
      expect(window!.end).toBeLessThanOrEqual(notAfter);
      expect((await store.readDomain(domain))!.dueAt).toBe(renewAt);
    },
    200_000,
  );
});

describe.concurrent('an operator who asks', () => {
  it('has a fresh certificate replaced at once, and only once if the command is repeated', async () => {
    const before = await current(ASKED);
    const sealpost = () =>
      promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../bin/sealpost.mjs'), 'renew', ASKED], {
        env: {
          ...{ PATH: process.env.PATH, HOME: directory, AWS_ENDPOINT_URL: provider.cloud.endpoint },
          AWS_REGION: provider.cloud.region,
          AWS_ACCESS_KEY_ID: provider.client().credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: provider.client().credentials.secretAccessKey,
        },
      });
    expect((await sealpost()).stdout).toContain(`${ASKED} is tried now.`);
    await sealpost();
    await untilAnother(ASKED, before.fingerprint, 120);
    const after = await current(ASKED);
    expect((await sealpost()).stdout).toContain('renewed within the last hour because somebody asked');
    expect((await current(ASKED)).id).toBe(after.id);
    expect(await served(ASKED)).toMatchObject({ trusted: true, fingerprint: after.fingerprint });
  }, 240_000);
});

describe.concurrent('a renewal', () => {
  it('in good time waits for the quiet hour with the old one served; an urgent delivery includes it', async () => {
    const domain = CALM;
    const before = await current(domain);
    const objects = certificateObjects(new S3Client(provider.client()), provider.stack.outputs.CertificateBucket!);
    const leaf = await objects.readChain({ domain, id: before.id });
    // The renewal moment has passed, and the window has not.
    const [start, end] = [Date.now() - 100 * hour, Date.now() + 20 * minute].map(at => new Date(at).toISOString());
    await setRenewalInfo(provider.ca, { leafPem: leaf, answer: JSON.stringify({ suggestedWindow: { start, end } }) });
    const work = await until(`calm work for ${domain}`, 240, () => store.workFor({ server: mx3.hostName, domain }));
    const quiet = { from: 1, to: 5 };
    expect(work).toMatchObject({ calm: true, notBefore: quietMoment(mx3.hostName, quiet, Date.now()) });
    expect(await served(domain, mx3)).toMatchObject({ trusted: true, fingerprint: before.fingerprint });

    await create('urgent.test', 'tlsserver', mx3);
    await untilInstalled(store, { domain: 'urgent.test', server: mx3.hostName });
    const { fingerprint } = await untilAnother(domain, before.fingerprint, 30, mx3);
    expect(await served(domain, mx3)).toMatchObject({ trusted: true, fingerprint });
  }, 300_000);

  it('that fails changes nothing, and is tried again after a minute', async () => {
    const domain = FAILING;
    const before = await current(domain);
    await provider.setCustomerZone(domain, []);
    await store.askRenewal(domain, Date.now());
    const parked = await until(`${domain} parked`, 120, async () => (await store.readDomain(domain))!.parked);
    expect(parked).toMatchObject({ tries: 0, reason: expect.stringMatching(/DomainNotManaged|DnsNotPropagated/) });
    expect(Math.abs(parked.nextTry - parked.since - minute)).toBeLessThan(1_000);
    expect(await store.readDomain(domain)).toMatchObject({ current: { id: before.id } });
    expect(await served(domain)).toMatchObject({ trusted: true, fingerprint: before.fingerprint });

    await delegateDomain(provider, { domain, address: mx1.address });
    await untilAnother(domain, before.fingerprint, 200);
    expect((await store.readDomain(domain))!.parked).toBeUndefined();
  }, 400_000);

  it('of a certificate of five minutes needs no command, and the old one is served until the new one is', async () => {
    await until(`${SHORT} renewed by itself`, 300, async () => (await current(SHORT)).id !== shortFirst.id);
    await untilAnother(SHORT, shortFirst.fingerprint, 60);
    const lost = await shortClients.end();
    expect({ failed: shortClients.failed, lost }).toEqual({ failed: [], lost: [] });
    expect(shortClients.renewedAt.size).toBe(1);
    expect([...shortClients.renewedAt.values()][0]!).toBeLessThan(shortFirst.notAfter);
  }, 400_000);
});

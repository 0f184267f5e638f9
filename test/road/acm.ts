import { X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import { ACMClient, GetCertificateCommand, KeyAlgorithm, ListCertificatesCommand } from '@aws-sdk/client-acm';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EventsService } from '../../packages/aws-stand-in/src/stand-in.ts';
import { hostZone, until, untilInstalled } from '../../local/provider/panel.ts';
import { put, road, untilSwept } from './provider.ts';

const DOMAIN = 'balanced.test';
const FOREIGN = 'arn:aws:acm:us-east-1:000000000000:certificate/somebody-elses';
const fingerprintOf = (leaf: X509Certificate) => leaf.fingerprint256.replaceAll(':', '').toLowerCase();

describe('a domain whose certificate is on a load balancer, too', () => {
  let wish: { domain: string; mailServers: string[] };
  let arn: string;

  beforeAll(async () => {
    await hostZone(road.provider, { domain: DOMAIN, address: road.mx1.address });
    wish = { domain: DOMAIN, mailServers: [road.mx1.hostName] };
    await put(road.provider, 'Domain Created', [{ ...wish, version: 1 }]);
    await untilInstalled(road.store, { domain: DOMAIN, server: road.mx1.hostName });
    await until(`${DOMAIN} released`, 30, async () => !(await record()).owner);
  }, 300_000);

  it('has its fresh certificate imported if a wish asks for it, without an order', async () => {
    const orders = (await road.ordersAtCa()).size;
    await put(road.provider, 'Domain Changed', [{ ...wish, acm: true, version: 2 }]);
    arn = (await road.bus.heard('Certificate Imported', { domain: DOMAIN })).detail.arn as string;
    expect(fingerprintOf(await inAcm(arn))).toBe((await record()).current!.fingerprint);
    expect((await road.ordersAtCa()).size).toBe(orders);
    await until(`${DOMAIN} released`, 30, async () => !(await record()).owner);
    expect(await record()).toMatchObject({ acm: { arn }, dueAt: (await record()).current!.renewAt });
  }, 60_000);

  it('has its next certificate imported under the same ARN', async () => {
    const before = (await record()).current!.id;
    await put(road.provider, 'Domain Changed', [
      { ...wish, policy: 'list', names: ['mail', 'webmail'], acm: true, version: 3 },
    ]);
    const { current } = await until('another certificate in ACM', 120, async () => {
      const { acm, current } = await record();
      return current!.id !== before && acm?.certificate === current!.id && { current: current! };
    });
    expect(fingerprintOf(await inAcm(arn))).toBe(current.fingerprint);
    expect(await listed()).toEqual([arn]);
  }, 260_000);

  it("is found by its ARN in ACM's event; an event for another certificate is counted and ignored", async () => {
    const events = road.provider.cloud.service<EventsService>('events');
    for (const resource of [arn, FOREIGN])
      events.publishServiceEvent({
        ...{ source: 'aws.acm', 'detail-type': 'ACM Certificate Approaching Expiration', resources: [resource] },
        detail: { DaysToExpiry: 31, CommonName: `mail.${DOMAIN}` },
      });
    const said = async (about: string) => (await logged()).find(line => line.includes(about));
    const ours = await until('a word about ours', 30, () =>
      said(`"outcome":"well","AcmExpiryEvents":1,"arn":"${arn}"`),
    );
    expect(JSON.parse(ours)).toMatchObject({
      domain: DOMAIN,
      _aws: { CloudWatchMetrics: [{ Namespace: 'sealpost' }] },
    });
    const theirs = await until('a word about the other', 30, () => said(FOREIGN));
    expect(JSON.parse(theirs)).toMatchObject({ outcome: 'not ours', AcmExpiryEvents: 1 });
  }, 60_000);

  it('leaves ACM, and is revoked at the CA once no server has it, if its deletion asks for it', async () => {
    const leaf = await inAcm(arn);
    expect(await statusAtCa(leaf)).toBe('Valid');
    await put(road.provider, 'Domain Deleted', [{ domain: DOMAIN, revoke: true, version: 4 }]);
    const isRemoved = async () => !(await road.store.installed({ server: road.mx1.hostName, domain: DOMAIN }));
    await until('removed', 200, isRemoved);
    // Two executions: one for ACM, one for the CA.
    await untilSwept('revoked', 240, async () => (await statusAtCa(leaf)) === 'Revoked');
    await road.bus.heard('Certificate Revoked', { domain: DOMAIN });
    await until('out of ACM', 90, async () => (await listed()).length === 0);
    expect(await isRemoved()).toBe(true);
  }, 600_000);
});

const record = async () => (await road.store.readDomain(DOMAIN))!;
const acm = () => new ACMClient(road.provider.client());

async function inAcm(arn: string): Promise<X509Certificate> {
  return new X509Certificate((await acm().send(new GetCertificateCommand({ CertificateArn: arn }))).Certificate!);
}

async function listed(): Promise<string[]> {
  const all = { Includes: { keyTypes: Object.values(KeyAlgorithm) } };
  const { CertificateSummaryList = [] } = await acm().send(new ListCertificatesCommand(all));
  return CertificateSummaryList.map(({ CertificateArn }) => CertificateArn!);
}

async function logged(): Promise<string[]> {
  const client = new CloudWatchLogsClient(road.provider.client());
  const ask = { logGroupName: '/aws/lambda/sealpost-on-acm-expiry' };
  const { events = [] } = await client.send(new FilterLogEventsCommand(ask));
  return events.map(({ message }) => message!);
}

/** The status in the CA's management interface. */
function statusAtCa(leaf: X509Certificate): Promise<string> {
  const { managementUrl, tlsRoot } = road.provider.ca;
  const url = `${managementUrl}/cert-status-by-serial/${leaf.serialNumber.toLowerCase()}`;
  return new Promise((resolve, reject) => {
    get(url, { ca: tlsRoot }, answer => {
      let text = '';
      answer.on('data', data => (text += data));
      answer.on('end', () => resolve((JSON.parse(text) as { Status: string }).Status));
    }).on('error', reject);
  });
}

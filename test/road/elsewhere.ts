/**
 * `sealpost provide` on the real road: the command, the store, the delivery, and what clients are
 * shown.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingOf } from '../../aws/deployed.ts';
import { certificateObjects } from '../../aws/objects.ts';
import { handshake } from '../../local/clients/handshake.ts';
import { until, untilInstalled } from '../../local/provider/panel.ts';
import { customer, put, road, untilSwept } from './provider.ts';
import { type } from './typed.ts';
import type { CertificateObjects } from '../../core/ports/objects.ts';

const DOMAIN = 'example.com';

async function certificates(): Promise<CertificateObjects> {
  const access = road.provider.client();
  const bucket = await settingOf(new LambdaClient(access), {
    stack: 'sealpost',
    step: 'finalize-order',
    name: 'CERTIFICATE_BUCKET',
  });
  return certificateObjects(new S3Client({ ...access, forcePathStyle: true }), bucket);
}

/** Any certificate of the CA serves as a bought one: here the domain's first one. */
async function pemOf(domain: string): Promise<{ pem: string; leaf: string }> {
  const objects = await certificates();
  const { id, fingerprint } = (await road.store.readDomain(domain))!.current!;
  return {
    pem: (await objects.readKey({ domain, id })) + (await objects.readChain({ domain, id })),
    leaf: fingerprint,
  };
}

/** By SNI, trusting the CA's root only: mail twice, then webmail. */
async function served(): Promise<(string | undefined)[]> {
  const { address } = road.mx1;
  const look = async (port: number, name: string) => {
    const seen = await handshake({ address, port, name, roots: road.provider.roots });
    return seen.trusted ? seen.fingerprint : seen.reason;
  };
  return Promise.all([look(465, `mail.${DOMAIN}`), look(993, `mail.${DOMAIN}`), look(443, `webmail.${DOMAIN}`)]);
}

describe('a provided certificate', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-elsewhere-'));
  let bought: string;
  afterAll(() => rmSync(directory, { recursive: true }));
  beforeAll(async () => {
    // CAA is queried up to the top.
    await road.provider.setCustomerZone('com', []);
    await put(road.provider, 'Domain Created', [await customer(DOMAIN)]);
    await untilInstalled(road.store, { domain: DOMAIN, server: road.mx1.hostName });
    const { pem, leaf } = await pemOf(DOMAIN);
    bought = leaf;
    writeFileSync(join(directory, 'bought.pem'), pem);
  }, 120_000);

  it('is given for webmail by one command, and published as installed there', async () => {
    const given = await type('sealpost provide example.com --for webmail --pem bought.pem', directory);
    expect(given).toMatchObject({
      code: 0,
      output: expect.stringContaining('The certificate goes out within a minute'),
    });
    await untilSwept('webmail is installed', 240, async () => {
      const installed = await road.store.installed({ server: road.mx1.hostName, domain: DOMAIN });
      return installed?.provided?.webmail === bought;
    });
    await road.bus.heard('Certificate Installed', { domain: DOMAIN, for: 'webmail', fingerprint: bought });
    const status = await type('sealpost status example.com');
    expect(status.output).toMatch(/Provided +for webmail: \d+ days left/);
  }, 300_000);

  it('stays there when ours is renewed', async () => {
    expect(await type('sealpost renew example.com')).toMatchObject({ code: 0 });
    const ours = await until('ours is another one', 60, async () => {
      const { fingerprint } = (await road.store.readDomain(DOMAIN))!.current!;
      return fingerprint !== bought && fingerprint;
    });
    await until('ours is seen on mail', 60, async () => (await served())[1] === ours);
    expect(await served()).toEqual([ours, ours, bought]);
  }, 150_000);

  it('changes no setting that is typed into a mail program, and each setting is checked', async () => {
    const { code, output } = await type('sealpost settings example.com');
    expect(code, output).toBe(0);
    expect(output).toMatch(/^IMAP +mail\.example\.com +993 .*seen just now$/m);
    expect(output).toMatch(/^Sending \(SMTP\) +mail\.example\.com +465 .*seen just now$/m);
    expect(output).not.toContain('NOT');
  }, 60_000);

  it('is withdrawn by one command, ours is served again, and its key is deleted from the bucket', async () => {
    const { id } = (await road.store.readDomain(DOMAIN))!.provided!.webmail!;
    const objects = await certificates();
    expect(await objects.readKey({ domain: DOMAIN, id })).toContain('PRIVATE KEY');
    expect(await type('sealpost provide example.com --withdraw')).toMatchObject({ code: 0 });
    const ours = (await road.store.readDomain(DOMAIN))!.current!.fingerprint;
    await untilSwept('webmail is ours', 120, async () => (await served())[2] === ours);
    expect(await served()).toEqual([ours, ours, ours]);
    await until('its key is gone', 60, async () => (await road.store.readDomain(DOMAIN))!.elsewhere === undefined);
    await expect(objects.readKey({ domain: DOMAIN, id })).rejects.toMatchObject({ name: 'CertificateUnusable' });
  }, 300_000);
});

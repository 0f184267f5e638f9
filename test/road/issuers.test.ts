/**
 * Two CAs in order, of which the second binds accounts to its customers. If one fails, the other
 * issues, and no person acts.
 */
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { startPebble, type Ca } from '../../local/ca/pebble.ts';
import { handshake } from '../../local/clients/handshake.ts';
import type { Provider } from '../../local/provider/provider.ts';
import {
  addMailServer,
  delegateDomain,
  registerMailServer,
  storeOf,
  until,
  untilInstalled,
} from '../../local/provider/panel.ts';
import { problem, startProxy, type Proxy } from '../core/acme/proxy.ts';
import { entered, History } from './history.ts';
import { listen, type Listener } from './listener.ts';
import { deploy, put, scratch, stack } from './provider.ts';

const BINDING = { kid: 'customer-1', hmacKey: Buffer.from('a key of the customer and the CA').toString('base64url') };
let directory: string;
let provider: Provider;
let second: Ca;
let way: Proxy;
let store: Store;
let history: History;
let bus: Listener;
let server: { hostName: string; address: string };

beforeAll(async () => {
  directory = scratch();
  const report = (line: string) => appendFileSync(join(directory, 'report.log'), `${line}\n`);
  provider = await deploy(await stack(), directory, {
    async issuers(first, resolver) {
      const externalAccountBinding = { [BINDING.kid]: BINDING.hmacKey };
      const beside = { directory: join(directory, 'second'), resolver, report, noSleep: true, externalAccountBinding };
      second = await startPebble(beside);
      way = await startProxy(first, join(directory, 'run/ca'));
      return {
        issuers: [
          { name: 'first', directory: way.directoryUrl, profile: 'tlsserver' },
          { name: 'second', directory: second.directoryUrl, externalAccount: true },
        ],
        roots: [await second.issuerRoots(), second.tlsRoot].join('\n'),
      };
    },
  });
  store = storeOf(provider);
  history = new History(provider);
  bus = await listen(provider, join(directory, 'listener'));
  server = await addMailServer(provider, 'mx1');
  await registerMailServer(provider, 'mx1');
  const put = new PutParameterCommand({
    Name: '/sealpost/issuers/second/external-account',
    Type: 'SecureString',
    KeyId: provider.stack.outputs.KeyArn!,
    Value: JSON.stringify(BINDING),
  });
  await new SSMClient(provider.client()).send(put);
}, 300_000);

afterAll(async () => {
  way?.stop();
  await bus?.stop();
  await provider?.stop();
  await second?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

async function secure(domain: string, more: object = {}): Promise<string> {
  await delegateDomain(provider, { domain, address: server.address });
  const [id] = await put(provider, 'Domain Created', [{ domain, mailServers: [server.hostName], ...more }]);
  return id!;
}

/**
 * @returns the recorded issuer, and the common name of the CA that signed the served certificate
 */
async function installedFrom(domain: string, seconds = 120): Promise<{ issuer: string; served?: string }> {
  await untilInstalled(store, { domain, server: server.hostName }, seconds);
  const { current } = (await store.readDomain(domain))!;
  const seen = await handshake({ address: server.address, port: 993, name: `mail.${domain}`, roots: provider.roots });
  expect(seen.trusted).toBe(true);
  return { issuer: current!.issuer, served: seen.issuer };
}

describe('two issuers in order', () => {
  it('the first one issues while it can', async () => {
    await secure('one.test');
    expect(await installedFrom('one.test')).toMatchObject({ issuer: 'first' });
  }, 120_000);

  it('a wish that names the second gets it, with the external account that the operator stored', async () => {
    await secure('named.test', { issuer: 'second' });
    const { issuer, served } = await installedFrom('named.test');
    expect(issuer).toBe('second');
    expect(served).not.toBe((await installedFrom('one.test')).served);
  }, 120_000);

  it('a wish that names an unknown issuer is refused with the known names', async () => {
    const { status, cause } = await history.ended(await secure('typo.test', { issuer: 'third' }));
    expect(status).toBe('FAILED');
    expect(cause).toContain('give one of first, second, or leave it out');
  });

  it('the second issues for a domain that has reached a limit of the first, and only for that one', async () => {
    const retry = { 'retry-after': '3600', 'content-type': 'application/problem+json' };
    way.fault = line =>
      line === 'POST /order-plz'
        ? { status: 429, ...problem('rateLimited', 'too many certificates already issued'), headers: retry }
        : undefined;
    const id = await secure('limited.test');
    expect(await installedFrom('limited.test')).toMatchObject({ issuer: 'second' });
    // No park of this domain was published.
    const { executionArn } = await history.ended(id);
    expect(entered(await history.events(executionArn!))).toEqual(['ClaimDomain', 'CreateOrder', 'ParkDomain']);
    expect(
      bus.facts.filter(fact => fact['detail-type'] === 'Domain Parked' && fact.detail.domain === 'limited.test'),
    ).toEqual([]);
    way.fault = () => undefined;
    await secure('unlimited.test');
    expect(await installedFrom('unlimited.test')).toMatchObject({ issuer: 'first' });
  }, 120_000);

  it('the second issues while the first fails, and the first again afterwards', async () => {
    way.fault = () => 'refused';
    await secure('away.test');
    // CreateOrder retries for half a minute. Its result is recorded, so that other executions need
    // not.
    const troubleOf = async () => (await store.readIssuer(way.directoryUrl))?.trouble;
    await until('trouble of the first issuer', 120, troubleOf);
    await secure('meanwhile.test');
    await bus.heard('Issuer In Trouble', { issuer: 'first', reason: 'AcmeUnavailable' });
    expect(await installedFrom('away.test')).toMatchObject({ issuer: 'second' });
    expect(await installedFrom('meanwhile.test')).toMatchObject({ issuer: 'second' });
    way.fault = () => undefined;
    await sleep(Math.max(0, (await troubleOf())!.until - Date.now()) + 1_000);
    await secure('back.test');
    expect(await installedFrom('back.test')).toMatchObject({ issuer: 'first' });
  }, 300_000);

  it('two issuers add no transition to an execution without an error', async () => {
    for (const domain of ['one.test', 'meanwhile.test', 'back.test']) {
      const [execution] = (await history.about(domain)).filter(({ machine }) => machine === 'SecureDomain');
      expect(entered(await history.events(execution!.executionArn!)), domain).toHaveLength(7);
    }
  });
});

/**
 * Certificates a minute, from the wish to the handshake that shows the certificate: sealpost, and a
 * loop of certbot with its usual hook. They take turns in one run, at the same CA, on two mail
 * servers that are otherwise the same.
 *
 * node_modules/.bin/node bench/certificates.ts [DOMAINS [ROUNDS]]
 *
 * DOMAINS is the number for each server (200), in ROUNDS (4). The run takes some 15 minutes, most
 * of them certbot's. Nothing is asserted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handshake } from '../local/clients/handshake.ts';
import { prepare, reporter } from '../local/prepare.ts';
import { startProvider, type Provider } from '../local/provider/provider.ts';
import {
  addMailServer,
  delegateDomain,
  putEvent,
  registerMailServer,
  storeOf,
  until,
} from '../local/provider/panel.ts';
import { usualWay } from './certbot.ts';

const [domains = 200, rounds = 4] = process.argv.slice(2).map(Number);
const report = reporter();
const perRound = Math.ceil(domains / rounds);

/** Waits until each domain's certificate is trusted by a mail program that trusts the CA only. */
async function untilServed(provider: Provider, address: string, names: string[]): Promise<void> {
  for (const domain of names) {
    const look = { address, port: 993, name: `mail.${domain}`, roots: provider.roots };
    await until(`${domain} served`, 600, async () => (await handshake(look)).trusted);
  }
}

async function minutes(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 60_000;
}

const middle = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;

const directory = mkdtempSync(join(tmpdir(), 'sealpost-bench-'));
const checkout = join(import.meta.dirname, '..');
const cdkOut = await prepare(join(checkout, '.local'), report);
const provider = await startProvider({ directory: join(directory, 'run'), cdkOut, seed: directory, report });
try {
  const usual = await usualWay(provider, directory);
  const mx1 = await addMailServer(provider, 'mx1');
  await registerMailServer(provider, 'mx1');
  const store = storeOf(provider);
  const rates = { usual: [] as number[], sealpost: [] as number[] };
  for (let round = 1; round <= rounds; round++) {
    const names = (of: string) => Array.from({ length: perRound }, (_, i) => `${of}${round}-${i + 1}.test`);
    const theirs = names('usual');
    const took = await minutes(async () => {
      for (const domain of theirs) await usual.secure(domain);
      await untilServed(provider, usual.address, theirs);
    });
    rates.usual.push(perRound / took);

    const ours = names('sealpost');
    for (const domain of ours) await delegateDomain(provider, { domain, address: mx1.address });
    const tookUs = await minutes(async () => {
      await Promise.all(
        ours.map(domain => putEvent(provider, 'Domain Created', { domain, mailServers: [mx1.hostName] })),
      );
      await until('all of them installed', 900, async () => {
        const installed = new Set((await store.allInstalled(mx1.hostName)).map(({ domain }) => domain));
        return ours.every(domain => installed.has(domain));
      });
      await untilServed(provider, mx1.address, ours);
    });
    rates.sealpost.push(perRound / tookUs);
    const [us, them] = [rates.sealpost.at(-1)!, rates.usual.at(-1)!];
    report(
      `Round ${round}: sealpost ${us.toFixed(0)} a minute, certbot and hook ${them.toFixed(1)} a minute, ratio ${(us / them).toFixed(1)}`,
    );
  }
  const ratio = middle(rates.sealpost.map((rate, i) => rate / rates.usual[i]!));
  console.log(`\n${perRound * rounds} domains on one server, ${rounds} rounds in turns, medians:
  sealpost                  ${middle(rates.sealpost).toFixed(0)} certificates a minute, installed and seen served
  certbot and usual hook    ${middle(rates.usual).toFixed(1)}
  ratio (bar: 20)           ${ratio.toFixed(1)}\n`);
  await usual.stop();
} finally {
  await provider.stop();
  rmSync(directory, { recursive: true, force: true });
}

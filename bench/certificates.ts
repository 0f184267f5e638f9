/**
 * Certificates a minute, from the wish to the handshake that shows the certificate: sealpost, and a
 * loop of certbot with its usual hook. They take turns in one run, at the same CA, on two mail
 * servers that are otherwise the same.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handshake } from '../local/clients/handshake.ts';
import type { Host } from '../local/hosts/host.ts';
import { prepare } from '../local/prepare.ts';
import { startProvider, type Provider } from '../local/provider/provider.ts';
import {
  addMailServer,
  delegateDomain,
  putEvent,
  registerMailServer,
  storeOf,
  until,
} from '../local/provider/panel.ts';
import { median, type Bench } from './bench.ts';
import { usualWay, type UsualWay } from './certbot.ts';
import { cpuOfHost } from './host-cpu.ts';

/** How often a peer may fail at one certificate before the bench leaves that certificate out. */
const TRIES = 3;

interface Round {
  /** Certificates that were served at the end. */
  served: number;
  minutes: number;
  /** CPU seconds of the mail server, daemons and clients of the CA on it. */
  cpu: number;
  failures: string[];
}

/** Waits until each domain's certificate is trusted by a mail program that trusts the CA only. */
async function untilServed(provider: Provider, address: string, names: string[]): Promise<void> {
  for (const domain of names) {
    const look = { address, port: 993, name: `mail.${domain}`, roots: provider.roots };
    await until(`${domain} served`, 600, async () => (await handshake(look)).trusted);
  }
}

async function measure(
  host: Pick<Host, 'run'>,
  work: () => Promise<Pick<Round, 'served' | 'failures'>>,
): Promise<Round> {
  const [cpu, begun] = [await cpuOfHost(host), performance.now()];
  const done = await work();
  const minutes = (performance.now() - begun) / 60_000;
  return { ...done, minutes, cpu: (await cpuOfHost(host)) - cpu };
}

/** A failure of certbot is counted and tried again. It never ends the bench. */
async function byCertbot(provider: Provider, usual: UsualWay, names: string[]) {
  const [served, failures]: [string[], string[]] = [[], []];
  for (const domain of names) {
    for (let tries = 1; tries <= TRIES; tries++) {
      try {
        await usual.secure(domain);
        served.push(domain);
        break;
      } catch (error) {
        failures.push(`${domain}: ${(error as Error).message}`);
      }
    }
  }
  await untilServed(provider, usual.host.address, served);
  return { served: served.length, failures };
}

async function bySealpost(provider: Provider, server: Host, names: string[]) {
  for (const domain of names) await delegateDomain(provider, { domain, address: server.address });
  const mailServers = [server.hostName];
  await Promise.all(names.map(domain => putEvent(provider, 'Domain Created', { domain, mailServers })));
  const store = storeOf(provider);
  await until('all of them installed', 900, async () => {
    const installed = new Set((await store.allInstalled(server.hostName)).map(({ domain }) => domain));
    return names.every(domain => installed.has(domain));
  });
  await untilServed(provider, server.address, names);
  return { served: names.length, failures: [] };
}

const rate = ({ served, minutes }: Round) => served / minutes;
const cpuEach = ({ served, cpu }: Round) => cpu / served;

export const certificates: Bench = {
  about: 'Certificates a minute from the wish to the handshake: sealpost beside certbot with its usual hook.',
  options: { domains: 200, rounds: 4 },
  async run({ domains = 200, rounds = 4 }, report) {
    const perRound = Math.ceil(domains / rounds);
    const directory = mkdtempSync(join(tmpdir(), 'sealpost-bench-'));
    const cdkOut = await prepare(join(import.meta.dirname, '../.local'), report);
    const provider = await startProvider({ directory: join(directory, 'run'), cdkOut, seed: directory, report });
    try {
      const usual = await usualWay(provider, directory);
      await addMailServer(provider, 'mx1');
      const mx1 = provider.hosts.get('mx1')!;
      await registerMailServer(provider, 'mx1');
      const ours: Round[] = [];
      const theirs: Round[] = [];
      for (let round = 1; round <= rounds; round++) {
        const names = (of: string) => Array.from({ length: perRound }, (_, i) => `${of}${round}-${i + 1}.test`);
        theirs.push(await measure(usual.host, () => byCertbot(provider, usual, names('usual'))));
        ours.push(await measure(mx1, () => bySealpost(provider, mx1, names('sealpost'))));
        const [us, them] = [ours.at(-1)!, theirs.at(-1)!];
        report(`Round ${round}: sealpost ${rate(us).toFixed(0)} a minute, certbot and hook ${rate(them).toFixed(1)}`);
        for (const failure of them.failures) report(`  certbot failed: ${failure}`);
      }
      await usual.stop();
      const row = (name: string, all: Round[]) => [
        name,
        String(all.reduce((sum, { served }) => sum + served, 0)),
        median(all.map(rate)).toFixed(1),
        median(all.map(cpuEach)).toFixed(2),
        String(all.reduce((sum, { failures }) => sum + failures.length, 0)),
      ];
      const ratio = (of: (round: Round) => number) => median(ours.map((round, i) => of(round) / of(theirs[i]!)));
      return {
        columns: ['way', 'certificates', 'a minute', 'CPU s a certificate on the mail server', 'failures, tried again'],
        rows: [
          row('sealpost', ours),
          row('certbot and usual hook', theirs),
          ['ratio', '', ratio(rate).toFixed(1), ratio(cpuEach).toFixed(2), ''],
        ],
        notes: [
          `${rounds} rounds of ${perRound} domains in turns; medians of the rounds, and medians of their ratios.\nThe local provider, which is AWS's part, runs on the same machine and takes CPU from both.`,
        ],
      };
    } finally {
      await provider.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** `npm start` as the README describes it. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneInto } from './clone.ts';
import { scratch } from './provider.ts';

const clone = scratch();
let run: { exitCode: number; lines: string[] };

beforeAll(async () => {
  await cloneInto(clone);
  const child = spawn('npm', ['start'], { cwd: clone, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code => resolve(code ?? 1));
  });
  run = { lines: (await text(child.stdout)).split('\n'), exitCode: await exited };
}, 300_000);

afterAll(() => rmSync(clone, { recursive: true, force: true }));

it('npm start succeeds with every connection of its domains and servers trusted, on Debian 12 and 13', () => {
  const rows = run.lines.filter(line => /^\S+\.test\s.*\s(yes|NO)$/.test(line));
  expect({ exitCode: run.exitCode, untrusted: rows.filter(row => row.endsWith('NO')) }, run.lines.join('\n')).toEqual({
    exitCode: 0,
    untrusted: [],
  });
  const names = ['bakery.test', 'florist.test'].flatMap(domain => [`webmail.${domain}`, `mail.${domain}`]);
  expect(new Set(rows.map(row => row.split(' ')[0]))).toEqual(
    new Set(['mx1.provider.test', 'mx2.provider.test', 'mx3.provider.test', 'webmail.potter.test', ...names]),
  );
  expect(rows).toHaveLength(29);
  expect(run.lines.findLast(line => line !== '')).toMatch(/ s {2}All 29 connections are trusted/);
});

it('npm start shows a domain that is served under the host name of its server, and the name to type', () => {
  const under = run.lines.filter(line => /^mx3\.provider\.test .*, potter\.test served under it /.test(line));
  const ports = under.map(line => /served under it\s+(\d+)/.exec(line)![1]);
  expect(ports.sort()).toEqual(['110', '143', '465', '587', '993', '995']);
  expect(run.lines.join('\n')).toContain(
    'potter.test: mail is served under mx3.provider.test, its webmail by its own name; sealpost settings potter.test',
  );
});

it('npm start shows a renewal: another certificate is seen served', () => {
  const renewed = /bakery\.test is served with a new certificate: ([0-9a-f]{16})… → ([0-9a-f]{16})…/.exec(
    run.lines.join('\n'),
  );
  expect(renewed, run.lines.join('\n')).not.toBeNull();
  expect(renewed![1]).not.toBe(renewed![2]);
});

it('npm start shows its progress, one plain line for each step', () => {
  const states = ['ClaimDomain', 'CreateOrder', 'PublishChallenges', 'WaitForDns', 'Validate', 'FinalizeOrder'];
  for (const domain of ['bakery.test', 'florist.test', 'potter.test'])
    expect(run.lines.filter(line => line.includes(domain)).map(line => line.split(/\s+/).at(-1))).toEqual(
      expect.arrayContaining([...states, 'ReleaseDomain']),
    );
  expect(run.lines.join('')).not.toContain('\x1b');
});

it('npm start leaves no process and no network link behind', () => {
  const [, subnet] = /^.*Host mx1 .* runs at (\d+\.\d+\.\d+\.)\d+$/m.exec(run.lines.join('\n'))!;
  const addresses = Object.values(networkInterfaces()).flatMap(all => all!.map(({ address }) => address));
  expect(addresses.filter(address => address.startsWith(subnet!))).toEqual([]);
  const commands = readdirSync('/proc').flatMap(pid => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : [];
    } catch {
      return []; // the process ended between the two reads
    }
  });
  expect(commands.filter(command => command.includes(clone))).toEqual([]);
});

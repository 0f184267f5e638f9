/**
 * `sealpost import` on the real road: from a provider's table to certificates that are seen served,
 * over a kill in the middle.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handshake } from '../../local/clients/handshake.ts';
import { hostZone, until } from '../../local/provider/panel.ts';
import type { Dates } from '../install/scratch-ca.ts';
import { customer, road, sweep, untilSwept } from './provider.ts';
import { begin, type, type Typed } from './typed.ts';

/** Two domains with another program's certificate: good for months, and in its last minutes. */
const [GOOD, LOW] = ['kept.test', 'low.test'];
const LIST = 'brought-2.test';
const NEW = ['brought-1.test', LIST, 'brought-3.test', 'brought-4.test'];
const CONFIGURATION = '/etc/dovecot/local.conf';
const DAY_MS = 86_400_000;

const directory = mkdtempSync(join(tmpdir(), 'sealpost-imported-'));
const [DRY, GO] = ['sealpost import domains.csv', 'sealpost import domains.csv --go'];
const mx1 = () => road.provider.hosts.get('mx1')!;
const record = (domain: string) => road.store.readDomain(domain);
const served = (domain: string, port = 993) =>
  handshake({ address: road.mx1.address, port, name: `mail.${domain}`, roots: road.provider.roots });

/**
 * Serves a certificate as another program's blocks in Dovecot do. The blocks stand after ours, so
 * they win.
 */
async function serveByAnother(domain: string, dates: Dates): Promise<string> {
  const { pem, leaf } = road.anotherCa.issue([`mail.${domain}`], { dates });
  const path = `/etc/ssl/private/${domain}.pem`;
  await mx1().write(path, Buffer.from(pem), 0o600);
  const block = `local_name mail.${domain} {\n  ssl_cert = <${path}\n  ssl_key = <${path}\n}\n`;
  await onHost(`cat >>${CONFIGURATION} && doveadm reload`, block);
  await until(`${domain} served by another program`, 30, async () => (await served(domain)).trusted);
  return leaf;
}

async function onHost(script: string, input = ''): Promise<void> {
  const { exitCode, stderr } = await mx1().run(['sh', '-c', script], { input: Buffer.from(input) });
  if (exitCode !== 0) throw new Error(`mx1: ${script}: ${stderr}`);
}

/**
 * Passes everything on to the stand-in. At the nth request of this kind the program is killed: the
 * request is made, and no process reads its answer.
 */
async function killedAt(n: number, what: string): Promise<Typed> {
  const { hostname, port } = new URL(String(road.provider.client().endpoint));
  let seen = 0;
  const way = createServer(client => {
    const there = connect(Number(port), hostname);
    client.on('data', data => {
      there.write(data);
      if (data.includes(what) && ++seen === n) program.kill();
    });
    there.pipe(client);
    client.on('close', () => there.end()).on('error', () => {});
    there.on('error', () => client.destroy());
  });
  await new Promise<void>(resolve => way.listen(0, '127.0.0.1', resolve));
  const program = begin(GO, { cwd: directory, endpoint: `http://127.0.0.1:${(way.address() as AddressInfo).port}` });
  const typed = await program.ended;
  way.close();
  return typed;
}

describe('the import of a provider’s table', () => {
  let kept: string;
  let low: string;
  let runsLowAt: number;
  /** The domains that were recorded when the program was killed. */
  let begun: string[];
  const onRecord = async () => {
    const all = [LOW, GOOD, ...NEW];
    const records = await Promise.all(all.map(record));
    return all.filter((_, i) => records[i]);
  };

  beforeAll(async () => {
    for (const domain of [GOOD, LOW, ...NEW]) if (domain !== LIST) await customer(domain);
    // Each name of a list has its own challenge; in a zone of ours no customer must set a CNAME.
    await hostZone(road.provider, { domain: LIST, address: road.mx1.address });
    await onHost(`cp -p ${CONFIGURATION} ${CONFIGURATION}.before`);
    const day = (n: number) => new Date(Date.now() + n * DAY_MS);
    kept = await serveByAnother(GOOD, { from: day(-30), until: day(60) });
    const rows = [
      'Domain;Server;Policy;Names',
      `${LOW};${road.mx1.hostName};;`,
      `${NEW[0]};${road.mx1.hostName};;`,
      'not a domain;mx1.provider.test;;',
      `${LIST};${road.mx1.hostName};list;mail webmail @`,
      `comma.test;${road.mx1.hostName};list;mail,webmail`,
      `${GOOD};${road.mx1.hostName};;`,
      `${NEW[2]};${road.mx1.hostName};wildcard;`,
      `policy.test;${road.mx1.hostName};everything;`,
      `${NEW[3]};${road.mx1.hostName};;`,
    ];
    writeFileSync(join(directory, 'domains.csv'), rows.join('\r\n'));
  }, 120_000);

  afterAll(async () => {
    await onHost(`mv ${CONFIGURATION}.before ${CONFIGURATION} && doveadm reload`);
    rmSync(directory, { recursive: true });
  }, 60_000);

  it('first prints bad rows, foreign certificates, orders, transitions and dollars, and writes nothing', async () => {
    const dry = await type(DRY, directory);
    expect(dry.code, dry.output).toBe(1);
    const lines = dry.output.trimEnd().split('\n');
    expect(lines.filter(line => line.startsWith('line '))).toEqual([
      expect.stringMatching(/^line 4, domain: /),
      'line 6, names: has several in it; put spaces between them',
      expect.stringMatching(/^line 9, policy: .*wildcard.*list/),
    ]);
    expect(lines).toContain('looked at 6 of 6');
    expect(lines.at(-2)).toMatch(
      /^6 new, 0 known already, 3 bad rows\. 5 orders at pebble \(0\.0 hours by its limit\); 1 are served with a good certificate .* 57 transitions, 0\.00 dollars/,
    );
    expect(lines.at(-1)).toBe('Nothing was done: this was a dry run; --go does it.');
    for (const domain of [GOOD, LOW, ...NEW]) expect(await record(domain)).toBeUndefined();
  }, 60_000);

  it('shows a bar on a terminal', async () => {
    const { output } = await begin(DRY, { cwd: directory, terminal: true }).ended;
    expect(output).toMatch(/looked at 6 of 6 \[=+\]/);
    expect(output).not.toMatch(/^looked at 6 of 6\r?$/m);
  }, 60_000);

  it('begins with --go, and may be killed', async () => {
    runsLowAt = Date.now() + 120_000;
    // A quarter of its lifetime is ten minutes.
    const minutes = (n: number) => new Date(runsLowAt + n * 60_000);
    low = await serveByAnother(LOW, { from: minutes(-30), until: minutes(10) });
    const killed = await killedAt(3, 'DynamoDB_20120810.UpdateItem');
    expect(killed).not.toHaveProperty('code');
    // Rows that need an order and rows with a foreign certificate are taken side by side. Which row
    // is third, and whether there is a fourth, is chance.
    await until('three of them on record', 10, async () => (begun = await onRecord()).length >= 3);
    expect(begun).toEqual(expect.arrayContaining([LOW, NEW[0]]));
    expect(begun.length).toBeLessThan(6);
    for (const domain of begun) expect(await record(domain)).toMatchObject({ wanted: 1 });
    expect(await record(LOW)).toMatchObject({ foreign: { fingerprint: low } });
  }, 60_000);

  it('is completed by a second --go, each domain once, and each is seen served', async () => {
    const sweeping = setInterval(() => void sweep(), 5_000);
    const again = await type(GO, directory).finally(() => clearInterval(sweeping));
    const left = 6 - begun.length;
    const orders = NEW.filter(domain => !begun.includes(domain)).length;
    expect(again.output).toContain(
      `\n${left} new, ${begun.length} known already, 3 bad rows. ${orders} orders at pebble`,
    );
    expect(again.output).toContain(`\ntaken up ${left} of ${left}\n`);
    expect(again.output).toContain(`\n${left} taken up, 0 of them parked`);
    // The exit code is 1 because of the bad rows.
    expect(again.code).toBe(1);
    for (const domain of NEW) {
      const { fingerprint } = await untilSwept(`${domain} installed`, 120, () =>
        road.store.installed({ server: road.mx1.hostName, domain }),
      );
      expect(await served(domain)).toMatchObject({ trusted: true, fingerprint });
      expect(await road.history.orders(domain), domain).toHaveLength(1);
    }
    expect((await record(LIST))!.current!.names).toEqual([LIST, `mail.${LIST}`, `webmail.${LIST}`]);
  }, 300_000);

  it('orders nothing for a domain with a good foreign certificate, and status says so', async () => {
    await untilSwept(`${GOOD} looked at`, 90, async () => (await record(GOOD))!.done === 1);
    const { dueAt, foreign, current } = (await record(GOOD))!;
    expect(foreign).toMatchObject({ fingerprint: kept });
    expect(dueAt).toBe(foreign!.notAfter - 10 * DAY_MS);
    expect(current).toBeUndefined();
    expect(await road.history.orders(GOOD)).toEqual([]);
    expect(await served(GOOD)).toMatchObject({ fingerprint: kept });
    expect((await type(`sealpost status ${GOOD}`)).output).toMatch(
      /served with a certificate of Another .*ours is ordered/s,
    );
  }, 150_000);

  it('orders ours when a foreign certificate runs low, and not before', async () => {
    const { foreign } = (await record(LOW))!;
    expect(foreign!.renewAt).toBe(runsLowAt - (runsLowAt % 1000));
    const installed = () => road.store.installed({ server: road.mx1.hostName, domain: LOW });
    const { fingerprint } = await untilSwept(`${LOW} installed`, 240, installed);
    const [execution] = (await road.history.about(LOW)).toReversed().slice(1);
    expect(execution!.startDate!.getTime()).toBeGreaterThanOrEqual(foreign!.renewAt);
    expect(await road.history.orders(LOW)).toHaveLength(1);
    expect(fingerprint).not.toBe(low);
    expect(await served(LOW)).toMatchObject({ trusted: true, fingerprint });
  }, 300_000);

  it('has nothing to do in a third run', async () => {
    const third = await type(GO, directory);
    expect(third.output).toMatch(/^0 new, 6 known already, 3 bad rows\. 0 orders/m);
  }, 60_000);
});

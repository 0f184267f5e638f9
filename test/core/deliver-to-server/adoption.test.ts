/** What the cloud makes of an inspection's daemons: record, status, events, and what comes next. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { recordDelivery } from '../../../core/deliver-to-server/record-delivery.ts';
import { releaseServer } from '../../../core/deliver-to-server/release-server.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import type { Consent } from '../../../core/record/adoption.ts';
import { askAudit } from '../../../core/audit/ask-audit.ts';
import { serverStatus } from '../../../core/status/server-status.ts';
import { day, minute, mx1, newWorld, node, unlessEnded, type World } from '../world.ts';

let world: World;
beforeEach(() => void (world = newWorld()));

async function register(adopt: Consent, said: { leaveOut?: string[] } = {}): Promise<void> {
  world.time += minute;
  const { store, time } = world;
  await store.registerServer({ server: mx1, node, roleId: 'AROAEXAMPLE', adopt, ...said }, { at: time, now: time });
}

/** @returns the delivery's text, of the round that is due now */
async function inspected(...facts: string[]): Promise<string> {
  const { store } = world;
  const execution = (await store.wakeServer(mx1, world.time))!;
  const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
  const { hash, seq } = assembled.delivery;
  const text = world.objects.get(`deliveries/AROAEXAMPLE:${node}/${hash}`)!;
  await sendDelivery({ ...assembled, execution, token: 'token' }, world);
  const { id } = world.commands.sent.at(-1)!;
  world.commands.answer(
    id,
    [`sealpost ${hash} ${seq} inspected`, '', ...facts.map(fact => `fact ${fact}`), ''].join('\n'),
  );
  world.time += 1_000;
  const recorded = recordDelivery({ ...assembled, execution, commandId: id }, world);
  await recorded.finally(() => releaseServer({ server: mx1, execution, rounds: 1 }, world));
  return text;
}

const said = () => world.bus.events.map(({ detailType, detail }) => [detailType, detail]);
const status = async () => {
  const record = (await world.store.readServer(mx1))!;
  return serverStatus(record, { record, work: new Map(), installed: new Map() }, world.time);
};

const plan = ['/etc/postfix/main.cf:31 + tls_server_sni_maps = lmdb:/etc/sealpost/sni', 'costs one reload'];
const ready = ['daemon postfix ready', ...plan.map(line => `plan postfix ${line}`), 'host-certificate trusted'];
const why = '/etc/postfix/master.cf:21: this service has a certificate of its own; take it out';
const refused = [`daemon postfix refused ${why}`, 'daemon dovecot adopted', 'host-certificate trusted'];

test('a hostile server that names daemons again and again says each once, and 20 at most', async () => {
  await register(false);
  const again = Array<string>(600).fill('daemon postfix refused x');
  const many = Array.from({ length: 100 }, (_, n) => `daemon d${n} refused x`);
  await inspected(...again, ...many, 'host-certificate trusted');
  expect(said().map(([, detail]) => (detail as { daemon: string }).daemon)).toEqual([
    'postfix',
    ...Array.from({ length: 19 }, (_, n) => `d${n}`),
  ]);
});

describe('a plan that waits for consent', () => {
  test('is on record and in status with what it costs, and the server is not well', async () => {
    await register(false);
    expect(await inspected(...ready)).toMatch(/^mode inspect\nadopt no$/m);
    const { well, why, remedy, daemons } = await status();
    expect(daemons).toEqual([{ daemon: 'postfix', state: 'ready', plan }]);
    expect({ well, why }).toEqual({ well: false, why: 'postfix waits for consent to its plan.' });
    expect(remedy).toMatch(/Mail Server Changed.*"adopt":true/);
  });

  test('is told once, not at each inspection, and again after a registration that does not consent', async () => {
    await register(false);
    const untrusted = [...ready.slice(0, -1), 'host-certificate untrusted'];
    await inspected(...untrusted);
    world.time += 2 * day;
    await inspected(...untrusted);
    const planned = ['Adoption Planned', { server: mx1, daemons: [{ daemon: 'postfix', consent: true, plan }] }];
    expect(said()).toEqual([planned]);
    await register(false);
    await inspected(...untrusted);
    expect(said()).toEqual([planned, planned]);
  });

  test('asks for the stronger word if something would be lost', async () => {
    await register(true);
    const lost = 'the RSA certificate /etc/ssl/rsa.pem';
    expect(await inspected(`daemon postfix loses ${lost}`, ...ready.slice(1))).toMatch(/^adopt yes$/m);
    expect(said()).toEqual([
      [
        'Adoption Planned',
        { server: mx1, daemons: [{ daemon: 'postfix', consent: 'with-losses', loses: lost, plan }] },
      ],
    ]);
    const { well, why, remedy } = await status();
    expect({ well, why }).toMatchObject({ well: false, why: expect.stringContaining(lost) });
    expect(remedy).toContain('"adopt":"with-losses"');
    await register('with-losses');
    expect(await inspected('daemon postfix adopted', 'host-certificate trusted')).toMatch(/^adopt with-losses$/m);
    expect(await status()).toMatchObject({ well: true });
  });
});

describe('a server of which one daemon is not adopted', () => {
  test.each([
    ['refused', why],
    ['undone', 'port 465 served no certificate to a client that sends no name'],
    ['dead', 'no port of it answers TLS'],
  ])('that is %s is not well, and the bus learns it once', async (state, reason) => {
    await register(true);
    await inspected(`daemon postfix ${state} ${reason}`, 'daemon dovecot adopted', 'host-certificate trusted');
    const { well, why, remedy } = await status();
    expect({ well, why }).toEqual({ well: false, why: `postfix is ${state}: ${reason}.` });
    expect(remedy).toMatch(/Mend it.*Mail Server Changed/);
    expect(said()).toEqual([['Daemon Not Adopted', { server: mx1, daemon: 'postfix', state, message: reason }]]);
  });

  test('is well with daemons that are adopted, or absent', async () => {
    await register(true);
    await inspected(
      'daemon postfix adopted',
      'daemon exim absent no port of it answers TLS',
      'host-certificate trusted',
    );
    expect(await status()).toMatchObject({ well: true });
    expect(said()).toEqual([]);
  });

  test('is well once the registration leaves that daemon out', async () => {
    await register(true);
    await inspected(
      'daemon nginx refused no site is the webmail',
      'daemon postfix adopted',
      'host-certificate trusted',
    );
    expect((await status()).remedy).toContain('"leaveOut":["nginx"]');
    await register(true, { leaveOut: ['nginx'] });
    const told = said();
    const found = ['daemon nginx left-out the registration leaves it out', 'daemon postfix adopted'];
    expect(await inspected(...found, 'host-certificate trusted')).toMatch(/^leave-out nginx$/m);
    expect(await status()).toMatchObject({ well: true });
    expect(said()).toEqual(told);
  });

  test('is inspected with consent again once somebody asks for an audit, then audited', async () => {
    await register(true);
    await inspected(...refused);
    world.time += minute;
    await askAudit({ server: mx1, by: 'a person' }, world);
    const execution = world.executions.started.at(-1)!.name;
    const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution }, { ...world, roots: '' }));
    expect(assembled.delivery.mode).toBe('inspect');
    expect(world.objects.get(`deliveries/AROAEXAMPLE:${node}/${assembled.delivery.hash}`)).toMatch(/^adopt yes$/m);
  });

  test('does not try again by itself what was undone: each try may cost seconds without TLS', async () => {
    await register(true);
    const undone = ['daemon postfix undone port 465 served no certificate', 'host-certificate untrusted'];
    expect(await inspected(...undone)).toMatch(/^adopt yes$/m);
    world.time += 2 * day;
    expect(await inspected(...undone)).toMatch(/^adopt no$/m);
    await register(true);
    expect(await inspected(...undone)).toMatch(/^adopt yes$/m);
  });

  test('that does not serve what it served before is held, and a person is paged', async () => {
    await register(true);
    await expect(
      inspected('daemon postfix broken port 465 served another chain', 'host-certificate untrusted'),
    ).rejects.toMatchObject({
      name: 'InstallBroken',
      message: expect.stringContaining('port 465 served another chain'),
    });
    expect(await status()).toMatchObject({ state: 'held', well: false });
    expect(said().map(([type]) => type)).toEqual(['Daemon Not Adopted', 'Server Held']);
  });
});

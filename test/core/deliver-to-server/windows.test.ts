/**
 * A Windows node from its registration on: the answers of install/windows/, and what the steps make
 * of them.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { place, placeDomain } from '../../../core/secure-domain/placement.ts';
import { assembleDelivery } from '../../../core/deliver-to-server/assemble-delivery.ts';
import { recordDelivery } from '../../../core/deliver-to-server/record-delivery.ts';
import { registerServer } from '../../../core/register-server/register-server.ts';
import { sendDelivery } from '../../../core/deliver-to-server/send-delivery.ts';
import { memoryCommands } from '../../twins/commands.ts';
import { memoryRoles } from '../../twins/roles.ts';
import { domain, giveWork, installers, minute, mx1, newWorld, node, type World, unlessEnded } from '../world.ts';

const wish = { domain, mailServers: [mx1], policy: 'wildcard' as const };
const adopted = [
  'fact os Microsoft Windows Server 2022 Standard',
  'fact mailenable 10.48',
  'fact cannot-serve-by-name mailenable',
  'fact host-certificate-for mailenable',
  'fact serves-by-name iis',
  'fact web-servers iis',
  'fact ports 25,993,443',
  'fact adopted yes',
  'fact host-certificate untrusted\n',
].join('\n');
let world: World;
let me: string;

beforeEach(async () => {
  world = newWorld();
  world.commands = memoryCommands({ [node]: { roleName: 'hybrid', platform: 'Windows' } });
  const event = { 'detail-type': 'Mail Server Registered', time: new Date(world.time).toISOString() };
  await registerServer(
    { ...event, detail: { server: mx1, node, adopt: true } },
    {
      ...world,
      roles: memoryRoles({ hybrid: { roleId: 'AROAHYBRID', trusted: ['ssm.amazonaws.com'] } }),
      ...{ tag: 'sealpost:mail-server=sealpost', defaultRole: 'mail-server' },
    },
  );
  me = (await world.store.readServer(mx1))!.owner!;
});

/** @returns the delivery's text */
async function delivered(outcome: string, body: string): Promise<string> {
  const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution: me }, { ...world, roots: '' }));
  const { hash, seq } = assembled.delivery;
  const text = world.objects.get(`deliveries/AROAHYBRID:${node}/${hash}`)!;
  await sendDelivery({ ...assembled, execution: me, token: 'token' }, world);
  const { id, installer } = world.commands.sent.at(-1)!;
  expect(installer).toBe(installers.Windows.sha256);
  world.commands.answer(id, `sealpost ${hash} ${seq} ${outcome}\n${body}`);
  world.time += minute;
  await recordDelivery({ ...assembled, execution: me, commandId: id }, world);
  return text;
}

describe('a Windows node', () => {
  test('with a known MailEnable gets its host certificate first, then webmail by SNI; mail is served under it', async () => {
    await delivered('inspected', adopted);
    const server = (await world.store.readServer(mx1))!;
    expect(place(wish, new Map([[mx1, server]]))).toMatchObject({
      servers: [mx1],
      servedUnder: [{ server: mx1, webmail: true }],
    });
    await giveWork(world, mx1, { host: true });
    await giveWork(world);
    expect((await delivered('installed', 's\n')).match(/^(entry|probe) .*$/gm)).toEqual([
      expect.stringMatching(`^entry 1 install ${mx1} `),
      `probe ${mx1} -`,
    ]);
    expect((await world.store.readServer(mx1))!.hostSecuredAt).toBe(world.time);
    expect((await delivered('installed', 's\n')).match(/^(entry|probe) .*$/gm)).toEqual([
      expect.stringMatching(`^entry 1 install ${domain} `),
      `probe - webmail.${domain}`,
    ]);
  });

  test('on which other software answers on a mail port, too, is not secured by our certificate', async () => {
    await delivered('inspected', adopted.replace('cannot-serve-by-name mailenable', '$&,hmailserver'));
    await giveWork(world, mx1, { host: true });
    await delivered('installed', 's\n');
    expect((await world.store.readServer(mx1))!.hostSecuredAt).toBeUndefined();
  });

  test('that differs from what is known gets no order for a domain, with the reason that the node gives', async () => {
    const why = 'MailEnable on Windows: no MailEnable is here; register another server';
    await delivered('inspected', `fact refused ${why}\nfact cannot-serve-by-name mailenable\nfact adopted no\n`);
    await world.store.acceptWish(wish, { at: world.time }, world.time);
    const record = (await world.store.claimDomain({ domain, me: 'me', now: world.time }))!;
    await expect(
      placeDomain({ claim: { domain, me: 'me', seen: 1, now: world.time }, record, wish, isAsked: true }, world),
    ).rejects.toMatchObject({
      ...{ name: 'InstallRefused', message: `${mx1}: ${why}` },
    });
  });
});

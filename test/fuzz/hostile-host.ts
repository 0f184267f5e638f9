/** A mail server that is broken into answers a delivery with anything. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assembleDelivery } from '../../core/deliver-to-server/assemble-delivery.ts';
import { recordDelivery } from '../../core/deliver-to-server/record-delivery.ts';
import { sendDelivery } from '../../core/deliver-to-server/send-delivery.ts';
import { isSealpostError } from '../../core/errors.ts';
import {
  aCertificate,
  day,
  giveWork,
  minute,
  mx1,
  mx2,
  newWorld,
  readyServer,
  unlessEnded,
  type World,
} from '../core/world.ts';
import { memoryCommands } from '../twins/commands.ts';
import { copy } from '../twins/memory.ts';
import { property, type Property } from './property.ts';

const [NODE1, NODE2] = ['mi-0123456789abcdef0', 'mi-0fedcba9876543210'];
/** The domains, by the servers of their wishes. */
const [OWN, BOTH, OTHER, LEFT] = ['own.example', 'both.example', 'other.example', 'left.example'];
const wishes = { [OWN]: [mx1], [BOTH]: [mx1, mx2], [OTHER]: [mx2], [LEFT]: [mx2] };
/** What the server holds or held, and its own host name. */
const CONCERNED = [OWN, BOTH, LEFT, mx1];
/** An entry of PutEvents, and an item of DynamoDB. */
const [EVENT_BYTES, ITEM_BYTES] = [256 * 1024, 400 * 1024];
const MOST_EVENTS = 100;
const STEP_SECONDS = 2;

const [NEW, OLD] = ['c'.repeat(64), 'e'.repeat(64)];

const modes = ['install', 'inspect', 'verify'] as const;
const word = fc.oneof(
  fc.constantFrom(
    ...CONCERNED,
    OTHER,
    mx2,
    'trusted',
    'yes',
    'no',
    'mta',
    'web',
    'adopted',
    'broken',
    'refused',
    'ready',
    'loses',
    '-',
    '',
  ),
  fc.constantFrom('25,465,993', '0', '65536', '99999999', '\x1b[2J', '\u202e', '__proto__', 'constructor'),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const FACTS = [
  'serves-by-name',
  'cannot-serve-by-name',
  'host-certificate',
  'host-certificate-for',
  'web-servers',
  'refused',
  'adopted',
];
const MORE = [
  'ports',
  'daemon',
  'plan',
  'audit-ports',
  'audit-dead',
  'audit-place',
  'audit-lost',
  'port-dead',
  'unserved',
  'blocks',
  '__proto__',
];
const STATES = ['adopted', 'ready', 'loses', 'refused', 'undone', 'broken', 'dead', 'absent'];
const daemon = fc.constantFrom('mta', 'web', '', 'a');
const line = fc.oneof(
  fc.tuple(daemon, fc.constantFrom(...STATES), word).map(parts => `fact daemon ${parts.join(' ')}`),
  fc.tuple(daemon, word).map(([name, text]) => `fact plan ${name} ${text}`),
  fc
    .tuple(fc.constantFrom(...FACTS, ...MORE), fc.array(word, { maxLength: 3 }))
    .map(([fact, words]) => `fact ${fact} ${words.join(' ')}`),
  fc
    .tuple(
      fc.nat({ max: 12 }),
      fc.constantFrom(...'sudrbx'),
      fc.constantFrom('InstallRefused', 'Unexpected', 'ClaimLost', 'InstallBroken', 'x', 'toString'),
      word,
    )
    .map(parts => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('all', '25', '465,993', ''), fc.constantFrom('1', '1 1', '0', '1x9', '999999x999999'))
    .map(([ports, rows]) => `unseen ${ports} ${rows}`),
  fc.nat({ max: 20_000 }).map(rows => `audited ${rows}`),
  word,
);
/** A line again and again, up to what Systems Manager hands on. */
const lines = fc.oneof(
  { weight: 4, arbitrary: fc.array(line, { maxLength: 12 }) },
  { weight: 1, arbitrary: line.map(one => Array<string>(Math.floor(23_800 / (one.length + 1))).fill(one)) },
  { weight: 1, arbitrary: fc.tuple(line, line).map(two => Array.from({ length: 300 }, (_, at) => two[at % 2]!)) },
);
const outcome = fc.constantFrom(
  'installed',
  'rolled-back',
  'broken',
  'inspected',
  'verified',
  'stale',
  'stale 999999',
  'expired',
  'x',
  '',
);
const letters = fc.oneof(
  fc.constantFrom('', 's', 'ss', 'sss', 'ds', 'rx', 'xxx', 'bbb', 'ddd', 'sur'),
  fc.string({ unit: fc.constantFrom(...'sudrbx'), maxLength: 5 }),
);
const answers = fc.record({
  mode: fc.constantFrom(...modes),
  outcome,
  letters,
  lines,
  names: fc.constantFrom('this', 'this', 'this', 'this', 'this', 'this', 'this', 'another', 'none'),
  /** The outcome is one that the mode has. */
  isUsual: fc.boolean(),
  exitCode: fc.constantFrom(0, 20, 30, 40, 50, 137),
});

/** Two servers, of which the first will answer. @returns the execution that has the first */
async function neighbours(mode: (typeof modes)[number]): Promise<{ world: World; me: string }> {
  const world = newWorld();
  world.commands = memoryCommands({ [NODE1]: { roleName: 'mail-server' }, [NODE2]: { roleName: 'mail-server' } });
  const { store, time } = world;
  const capability =
    mode === 'inspect' ? undefined : { 'serves-by-name': ['mta,web'], 'web-servers': ['web'], ports: ['25,465,443'] };
  const me = await readyServer(world, { capability: capability ?? {} });
  await store.registerServer({ server: mx2, node: NODE2, roleId: 'AROATWO', adopt: true }, { at: time, now: time });
  Object.assign(world.memory.servers.get(mx2)!, {
    capability: { 'serves-by-name': ['mta,web'] },
    hostSecuredAt: time,
  });
  if (mode === 'inspect') delete world.memory.servers.get(mx1)!.capability;
  for (const [domain, mailServers] of Object.entries(wishes)) {
    const [now, old] = [NEW, OLD].map(id => aCertificate(world, { id, names: [domain, `*.${domain}`] })) as [
      ReturnType<typeof aCertificate>,
      ReturnType<typeof aCertificate>,
    ];
    for (const { id } of [now, old]) {
      await world.certificates.putKeyOnce({ domain, id }, `key ${id} of ${domain}`);
      await world.certificates.putChain(
        { domain, id },
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      );
    }
    await store.acceptWish({ domain, mailServers, policy: 'wildcard' }, { at: time }, time);
    const claimed = (await store.claimDomain({ domain, me: 'me', now: time }))!;
    await store.commitCertificate({
      domain,
      me: 'me',
      seen: claimed.wanted,
      certificate: now,
      supersedes: old.id,
      servers: mailServers,
      now: time,
    });
    const record = world.memory.domains.get(domain)!;
    Object.assign(record, {
      done: record.wanted,
      dueAt: time + 60 * day,
      servers: domain === LEFT ? [mx1, mx2] : mailServers,
    });
    delete record.owner;
    delete record.leaseUntil;
    await store.dependOn(domain, record.servers!);
    for (const server of record.servers!)
      await store.recordInstalled(
        server,
        { domain, v: mode === 'install' ? -1 : Infinity },
        {
          domain,
          certificate: old.id,
          fingerprint: 'e'.repeat(64),
          seenAt: time - day,
          looks: [{ leaf: 'e'.repeat(64), mail: `mail.${domain}` }],
          node: server === mx1 ? NODE1 : NODE2,
        },
      );
  }
  if (mode !== 'install') world.memory.work.get(mx1)?.clear();
  if (mode === 'verify') await store.askAudit(mx1, time);
  if (mode === 'install') await giveWork(world, mx1, { host: true });
  world.time += minute;
  return { world, me };
}

/**
 * The part of the table and of the buckets that is not the first server's. It alone serves OWN, so
 * it says when the old certificate of OWN is not needed any more.
 */
function others({ memory, objects }: World) {
  const own = [mx1, `${OWN}/${OLD}`].map(path => `certificates/${path}/`);
  const keys = [...objects.keys()].filter(
    key => key.startsWith('certificates/') && !own.some(path => key.startsWith(path)),
  );
  return copy({
    servers: memory.servers.get(mx2),
    work: [...(memory.work.get(mx2) ?? [])],
    installed: [...(memory.installed.get(mx2) ?? [])],
    other: memory.domains.get(OTHER),
    kept: [...memory.domains.values()].map(({ wanted: _, dueAt: __, superseded, ...rest }) => ({
      ...rest,
      ...(rest.domain !== OWN && { superseded }),
    })),
    nodes: [...memory.nodes],
    issuers: [...memory.issuers],
    budgets: [...memory.budgets],
    outside: memory.outsides.get(mx2),
    dependents: [...(memory.dependents.get(mx2) ?? [])],
    keys,
  });
}

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

export const hostileHost: Property[] = [
  property('whatever a server answers, only its own items change, and no renewal of another is later', {
    runs: 400,
    of: answers,
    holds: async given => {
      const { world, me } = await neighbours(given.mode);
      const assembled = await unlessEnded(assembleDelivery({ server: mx1, execution: me }, { ...world, roots: '' }));
      assert.equal(assembled.delivery.mode, given.mode);
      await sendDelivery({ ...assembled, execution: me, token: 'token' }, world);
      const { id } = world.commands.sent.at(-1)!;
      const { hash, seq } = assembled.delivery;
      const header = { this: `sealpost ${hash} ${seq}`, another: `sealpost ${'0'.repeat(64)} ${seq}`, none: 'x' }[
        given.names
      ];
      const usual = { install: 'installed', inspect: 'inspected', verify: 'verified' }[given.mode];
      const output = [`${header} ${given.isUsual ? usual : given.outcome}`, given.letters, ...given.lines, '']
        .join('\n')
        .slice(0, 24_000);
      world.commands.answer(id, output, given.exitCode);
      world.time += 1_000;
      const before = others(world);
      const due = new Map([...world.memory.domains].map(([domain, { dueAt }]) => [domain, dueAt!]));
      const began = process.cpuUsage();
      try {
        await recordDelivery({ ...assembled, execution: me, commandId: id }, world);
      } catch (error) {
        assert.ok(isSealpostError(error), `not foreseen: ${(error as Error)?.stack}`);
      }
      assert.ok(process.cpuUsage(began).user < STEP_SECONDS * 1e6, 'CPU');
      assert.deepEqual(others(world), before);
      for (const [domain, at] of due)
        assert.ok(world.memory.domains.get(domain)!.dueAt! <= at, `${domain} is due later`);
      assert.ok(bytes(world.memory.servers.get(mx1)) < ITEM_BYTES, 'the item of the server');
      assert.ok(world.bus.events.length <= MOST_EVENTS, `${world.bus.events.length} events`);
      for (const event of world.bus.events) {
        assert.ok(bytes(event) < EVENT_BYTES, `an event of ${bytes(event)} bytes`);
        assert.equal(event.detail['server'], mx1);
        if (event.detail['domain'] !== undefined) assert.ok(CONCERNED.includes(String(event.detail['domain'])));
      }
      for (const { machine, input } of world.executions.started) {
        const { server, detail } = input as { server?: string; detail?: { domain?: string } };
        assert.ok(
          machine === 'deliver-to-server' ? server === mx1 : CONCERNED.includes(detail!.domain!),
          JSON.stringify(input),
        );
      }
    },
  }),
];

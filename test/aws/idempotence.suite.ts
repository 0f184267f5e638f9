/**
 * Every method of the store, applied twice by its owner. An answer of DynamoDB may be lost; the SDK
 * then sends the same write again. So the second call gives the answer of the first, and leaves the
 * state that the first left. A row that expects something else says why that does no harm.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { certificate, domain, minute, mx1, mx2, now, stage, wish } from './store.stage.ts';

type State = Awaited<ReturnType<typeof stateOf>>;
type Stage = ReturnType<typeof stage>;

interface Row {
  /** Given if a method has several rows. */
  title?: string;
  /** The first state. @returns the owner of the claim on mx1, if the call needs one */
  given?: (staged: Stage, store: Store) => Promise<unknown>;
  call: (store: Store, owner: string) => Promise<unknown>;
  /** What the first call answers. */
  answer?: unknown;
  /** What the second call answers, if not the same. */
  again?: { answer: unknown; why: string };
  /**
   * What the second call leaves, if not the same: the state after the first call, with the
   * difference.
   */
  leaves?: { state: (first: State) => unknown; why: string };
}

const directory = 'https://ca.example/dir';
const arn = 'arn:aws:acm:us-east-1:000000000000:certificate/1';
const hash = 'd'.repeat(64);
const node = 'mi-0123456789abcdef0';
const me = { domain, me: 'first', now };
const claim = { ...me, seen: 1 };
const order = { url: 'https://ca.example/order/1', planned: [domain], issuer: 'ca' };
const parked = { reason: 'BudgetSpent' as const, message: 'm', since: now, nextTry: now + minute, tries: 1 };
const retired = { at: now, message: 'gone' };
const mail = certificate({ id: 'b'.repeat(64) });
const trouble = {
  ...{ issuer: 'ca', reason: 'AcmeUnavailable' as const, message: 'away' },
  ...{ since: now, until: now + 1, failures: 1 },
};
const seen = { domain, certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), seenAt: now, node };
const work = { domain, v: now };
const delivery = { hash, seq: 2, mode: 'install' as const };
const outside = { server: mx1, dueAt: now + 9, at: now, endpoints: 3, verified: 3 };
const foreign = { domain, life: { notBefore: now - 9 * minute, notAfter: now + minute }, seenAt: now };
const position = { step: 1, begunAt: now, paceMs: minute, passed: 500 };
const quotas = { certificates: 10, importsAYear: 20 };

const served = ({ claimed }: Stage) => claimed();
const waiting = async ({ claimed }: Stage, store: Store) => {
  await claimed();
  await store.parkDomain(claim, parked, [mx2]);
};
const newerWish = async ({ claimed }: Stage, store: Store) => {
  await claimed();
  await store.acceptWish(wish({ mailServers: [mx2] }), { at: now + 1 }, now);
};
const issued = async ({ register, claimed, commit }: Stage) => {
  await register(mx1);
  await claimed();
  await commit({ supersedes: 'a'.repeat(64) });
};
const released = async (staged: Stage, store: Store) => {
  await issued(staged);
  await store.releaseDomain(claim, now + minute);
};
const provided = async ({ claimed }: Stage, store: Store) => {
  await claimed();
  await store.provide(domain, { provided: { mail }, before: undefined, now });
};
const dependent = async ({ claimed }: Stage, store: Store) => {
  await claimed();
  await store.dependOn(domain, [mx1]);
};
const inAcm = async ({ claimed }: Stage, store: Store) => {
  await claimed();
  await store.recordAcm(me, { arn });
};
const registered = ({ register }: Stage) => register(mx1);
const worked = ({ worked }: Stage) => worked();
const installed = async ({ worked }: Stage, store: Store) => {
  await worked();
  await store.recordInstalled(mx1, work, seen);
  await store.endWork(mx1, work);
};
const woken = ({ woken }: Stage) => woken();
const underWay = async ({ woken }: Stage, store: Store) => {
  const owner = await woken();
  await store.startDelivery({ server: mx1, me: owner, now }, delivery);
  await store.putToken({ hash, server: mx1, token: 'token' }, now);
  return owner;
};

const evaluatedOnceMore = {
  why: 'the domain is re-evaluated once more, and nothing is found to do',
  state: (first: State) => ({ ...first, domain: { ...first.domain, wanted: first.domain!.wanted + 1 } }),
};
const deliveredOnceMore = {
  why: 'the server has one more round, which finds nothing to deliver; the work exists once',
  state: (first: State) => ({
    ...first,
    server: { ...first.server, wanted: first.server!.wanted + 1 },
    work: first.work.map(one => ({ ...one, v: one.v + 1 })),
  }),
};

const rows: Record<keyof Store, Row | Row[]> = {
  readDomain: { given: served, call: store => store.readDomain(domain), answer: expect.objectContaining({ domain }) },
  acceptWish: {
    call: store => store.acceptWish(wish(), { at: now }, now),
    answer: true,
    again: { answer: false, why: 'the wish is on record, and no step asks who wrote it' },
  },
  askReEvaluation: { given: released, call: store => store.askReEvaluation(domain, now), leaves: evaluatedOnceMore },
  provide: [
    {
      given: served,
      call: store => store.provide(domain, { provided: { mail }, before: undefined, now }),
      answer: true,
    },
    {
      title: 'a withdrawal',
      given: provided,
      call: store => store.provide(domain, { provided: undefined, before: { mail }, now }),
      answer: true,
    },
  ],
  forgetSuperseded: { given: issued, call: store => store.forgetSuperseded(domain, ['a'.repeat(64)]) },
  forgetElsewhere: { given: provided, call: store => store.forgetElsewhere(domain, [mail.id]) },

  claimDomain: {
    given: (_, store) => store.acceptWish(wish(), { at: now }, now),
    call: store => store.claimDomain(me),
    answer: expect.objectContaining({ owner: 'first', seen: 1 }),
  },
  renewDomain: { given: served, call: store => store.renewDomain(me), answer: expect.objectContaining({ seen: 1 }) },
  recordReservation: {
    given: served,
    call: store => store.recordReservation(me, { ca: { set: 'one', places: { account: now } } }),
  },
  recordOrder: { given: served, call: store => store.recordOrder(me, order), answer: order },
  forgetOrder: {
    given: async ({ claimed }, store) => {
      await claimed();
      await store.recordOrder(me, order);
    },
    call: store => store.forgetOrder(me, { ...order, certificate: 'c'.repeat(64), keyed: true }),
  },
  recordKeyed: {
    given: async ({ claimed }, store) => {
      await claimed();
      await store.recordOrder(me, order);
    },
    call: store => store.recordKeyed(me, order),
  },
  recordBrake: {
    given: served,
    call: store => store.recordBrake(me, { failed: ['a'], last: { reason: 'ChallengeFailed', message: 'no' } }),
  },
  recordPublished: {
    given: served,
    call: store => store.recordPublished(me, [{ zoneId: 'Z1', recordName: '_acme-challenge', values: ['a'] }]),
  },
  recordServedUnder: { given: served, call: store => store.recordServedUnder(me, [{ server: mx1 }]) },
  recordTold: { given: provided, call: store => store.recordTold(me, { use: 'mail', id: mail.id, days: 14 }) },
  recordRevoked: { given: issued, call: store => store.recordRevoked(me, certificate().id) },
  dropCurrent: {
    given: issued,
    call: store => store.dropCurrent(me, certificate().id),
    leaves: {
      why: 'the id is in the list twice, and an object that is removed twice is gone',
      state: first => ({
        ...first,
        domain: { ...first.domain, superseded: [...first.domain!.superseded!, certificate().id] },
      }),
    },
  },
  releaseDomain: [
    { given: issued, call: store => store.releaseDomain(claim, now + minute), answer: true },
    {
      title: 'when a newer wish came',
      given: newerWish,
      call: store => store.releaseDomain(claim, now + minute),
      answer: false,
    },
  ],
  parkDomain: [
    { given: served, call: store => store.parkDomain(claim, parked, [mx2]) },
    { title: 'when a newer wish came', given: newerWish, call: store => store.parkDomain(claim, parked, []) },
  ],
  retireDomain: [
    { given: served, call: store => store.retireDomain(claim, retired, now + minute), answer: true },
    { title: 'for good', given: served, call: store => store.retireDomain(claim, retired, undefined), answer: true },
  ],
  forgetDomain: { given: served, call: store => store.forgetDomain(claim), answer: true },

  commitCertificate: {
    given: async ({ register, claimed }, store) => {
      await register(mx1);
      await claimed();
      await store.recordOrder(me, order);
    },
    call: store =>
      store.commitCertificate({
        ...{ domain, me: 'first', seen: 1, certificate: certificate(), supersedes: 'a'.repeat(64) },
        ...{ servers: [mx1], now },
      }),
    answer: true,
    leaves: {
      why: `DynamoDB knows the SDK's resend by its ClientRequestToken. By a step that commits again, ${deliveredOnceMore.why}; the superseded id is in the list twice, and an object that is removed twice is gone`,
      state: first => ({
        ...deliveredOnceMore.state(first),
        domain: { ...first.domain, superseded: ['a'.repeat(64), 'a'.repeat(64)] },
      }),
    },
  },
  commitWork: {
    given: registered,
    call: store => store.commitWork({ domain, certificate: certificate(), servers: [mx1], now }),
    leaves: deliveredOnceMore,
  },
  commitRemoval: {
    given: issued,
    call: store => store.commitRemoval({ domain, wanted: 1, servers: [mx1], now }),
    answer: true,
    leaves: deliveredOnceMore,
  },
  giveAgain: {
    given: worked,
    call: store =>
      store.giveAgain(
        { server: mx1, node },
        [
          { domain, certificate: certificate(), over: now },
          { domain: 'other.example', certificate: certificate() },
        ],
        now + 1,
      ),
    answer: true,
  },
  work: { given: worked, call: store => store.work(mx1, 10), answer: [{ domain, certificate: certificate(), v: now }] },
  workFor: {
    given: worked,
    call: store => store.workFor({ server: mx1, domain }),
    answer: expect.objectContaining(work),
  },
  installed: {
    given: installed,
    call: store => store.installed({ server: mx1, domain }),
    answer: expect.objectContaining(seen),
  },
  allInstalled: { given: installed, call: store => store.allInstalled(mx1), answer: [{ ...seen, v: work.v }] },
  recordInstalled: { given: worked, call: store => store.recordInstalled(mx1, work, seen) },
  endWork: { given: worked, call: store => store.endWork(mx1, work) },
  recordRemoved: [
    { given: installed, call: store => store.recordRemoved(mx1, work, { node, begun: now }) },
    {
      title: 'of an earlier node',
      given: installed,
      call: store => store.recordRemoved(mx1, work, { node: 'mi-0fedcba9876543210', begun: now + 1 }),
    },
  ],
  recordRetired: { given: installed, call: store => store.recordRetired(mx1, work, { begun: now + 1 }) },
  recordRefused: {
    given: worked,
    call: store => store.recordRefused(mx1, work, now + minute, 'CertificateUnusable: x'),
    leaves: {
      why: 'the work waits twice as long after its next refusal',
      state: first => ({ ...first, work: first.work.map(one => ({ ...one, refusals: 2 })) }),
    },
  },

  readServer: { given: registered, call: store => store.readServer(mx1), answer: expect.objectContaining({ node }) },
  takeNode: { call: store => store.takeNode({ node, server: mx1 }), answer: mx1 },
  registerServer: {
    call: store => store.registerServer({ server: mx1, node, roleId: 'AROAEXAMPLE', adopt: true }, { at: now, now }),
    answer: true,
    again: { answer: false, why: 'the registration is on record, and no step asks who wrote it' },
  },
  retireServer: { given: registered, call: store => store.retireServer(mx1, now + 1) },
  wakeServer: {
    given: registered,
    call: store => store.wakeServer(mx1, now),
    answer: expect.stringMatching(/^deliver-[0-9a-f]{40}$/),
    again: {
      answer: undefined,
      why: 'the caller reads the record next, and starts the execution that the record names',
    },
  },
  renewServer: {
    given: woken,
    call: (store, owner) => store.renewServer({ server: mx1, me: owner, now }),
    answer: expect.objectContaining({ node }),
  },
  releaseServer: [
    {
      given: woken,
      call: (store, owner) => store.releaseServer({ server: mx1, me: owner, now }, { wanted: 1, dueAt: now + minute }),
      answer: true,
    },
    {
      title: 'after a failure, without a due time',
      given: woken,
      call: (store, owner) => store.releaseServer({ server: mx1, me: owner, now }, { wanted: 1, failures: 3 }),
      answer: true,
    },
  ],
  askAudit: { given: registered, call: store => store.askAudit(mx1, now), answer: true, leaves: deliveredOnceMore },

  startDelivery: {
    given: woken,
    call: (store, owner) => store.startDelivery({ server: mx1, me: owner, now }, delivery),
  },
  recordCommand: {
    given: underWay,
    call: (store, owner) =>
      store.recordCommand({ server: mx1, me: owner, now }, { hash, commandId: 'command', sentAt: now }),
  },
  endDelivery: [
    {
      given: underWay,
      call: (store, owner) =>
        store.endDelivery(
          { server: mx1, me: owner, now },
          { hash, changes: { capability: { os: ['Debian 12'] }, failures: 0 }, forget: ['auditAsked'] },
        ),
    },
    {
      title: 'that continues from a number of the server',
      given: underWay,
      call: (store, owner) => store.endDelivery({ server: mx1, me: owner, now }, { hash, changes: { seq: 40 } }),
    },
  ],
  putToken: { call: store => store.putToken({ hash, server: mx1, token: 'token' }, now) },
  forgetToken: { given: underWay, call: store => store.forgetToken(hash) },
  token: { given: underWay, call: store => store.token(hash), answer: { server: mx1, token: 'token' } },

  dependOn: { given: served, call: store => store.dependOn(domain, [mx1]) },
  dependNoMore: { given: dependent, call: store => store.dependNoMore(domain, [mx1]) },
  wakeDependents: {
    given: dependent,
    call: store => store.wakeDependents(mx1, { now, first: 5 }),
    answer: { woken: 1, first: [domain] },
    leaves: evaluatedOnceMore,
  },
  wakeWaitingDomains: {
    given: waiting,
    call: store => store.wakeWaitingDomains(mx2, { now, first: 5 }),
    answer: { woken: 1, first: [domain] },
    again: {
      answer: { woken: 0, first: [] },
      why: 'each domain that waited is due, and the sweep starts those that were not started',
    },
  },

  recordAcm: { given: served, call: store => store.recordAcm(me, { arn, certificate: 'c'.repeat(64) }) },
  forgetAcm: { given: inAcm, call: store => store.forgetAcm(me, arn) },
  countImport: {
    call: store => store.countImport('202611', quotas),
    leaves: {
      why: "an import that is counted twice leaves one fewer in our own count of a year's quota; ACM's own count is right",
      state: first => ({ ...first, acm: { ...first.acm, imports: { 202611: 2 } } }),
    },
  },
  acmUse: {
    given: inAcm,
    call: store => store.acmUse({ withCertificates: true }),
    answer: { certificates: 1, imports: {} },
  },
  domainOfArn: { given: inAcm, call: store => store.domainOfArn(arn), answer: domain },

  readIssuer: {
    given: (_, store) => store.recordTrouble(directory, { trouble }),
    call: store => store.readIssuer(directory),
    answer: expect.objectContaining({ trouble }),
  },
  recordAccount: { call: store => store.recordAccount(directory, { accountUrl: 'u', thumbprint: 't' }) },
  recordTrouble: [
    { call: store => store.recordTrouble(directory, { trouble }), answer: true },
    {
      title: 'after an earlier one',
      given: (_, store) => store.recordTrouble(directory, { trouble }),
      call: store =>
        store.recordTrouble(directory, { trouble: { ...trouble, until: now + 2, failures: 2 }, known: trouble }),
      answer: true,
    },
  ],
  reserveOrder: {
    call: store => store.reserveOrder('ca', { intervalMs: 10_000, horizonMs: 10_000, now }),
    answer: now,
    again: {
      answer: now + 10_000,
      why: 'a slot is left unused, and the issuer is asked for one order fewer than it allows',
    },
  },

  domains: {
    given: released,
    call: store => store.domains(10),
    answer: { domains: [{ domain, dueAt: now + minute, current: certificate() }] },
  },
  askRenewal: { given: released, call: store => store.askRenewal(domain, now), leaves: evaluatedOnceMore },
  recordAdvice: [
    {
      given: released,
      call: store =>
        store.recordAdvice(
          { domain, dueAt: now + minute, current: certificate() },
          { window: { start: now, end: now + 1 }, explanation: 'why', renewAt: now + 7, dueAt: now + 8 },
        ),
      answer: true,
    },
    {
      title: 'without an explanation',
      given: released,
      call: store =>
        store.recordAdvice(
          { domain, dueAt: now + minute, current: certificate() },
          { window: { start: now, end: now + 1 }, renewAt: now + 7, dueAt: now + 8 },
        ),
      answer: true,
    },
  ],
  walkPosition: {
    given: (_, store) => store.recordWalk(position),
    call: store => store.walkPosition(),
    answer: position,
  },
  recordWalk: {
    call: store => store.recordWalk(position),
    answer: true,
    again: {
      answer: false,
      why: 'two walks that begin at once write the same position, so the same position does not show who wrote it: the walk ends, and the next one continues within a minute',
    },
  },

  outsides: {
    given: (_, store) => store.beginOutside(mx1, now),
    call: store => store.outsides(),
    answer: [{ server: mx1, dueAt: now }],
  },
  beginOutside: { call: store => store.beginOutside(mx1, now) },
  recordOutside: {
    given: (_, store) => store.beginOutside(mx1, now),
    call: store => store.recordOutside(outside, now),
    answer: true,
  },
  endings: {
    given: (_, store) => store.guardForeign(foreign),
    call: store => store.endings({ from: 0, now, limit: 10 }),
    answer: [foreign],
  },
  guardForeign: { call: store => store.guardForeign(foreign) },
  forgetForeign: { given: (_, store) => store.guardForeign(foreign), call: store => store.forgetForeign(foreign) },
  pagedOn: { given: (_, store) => store.recordPage(1), call: store => store.pagedOn(), answer: 1 },
  recordPage: { call: store => store.recordPage(2) },
  forgetOutside: { given: (_, store) => store.beginOutside(mx1, now), call: store => store.forgetOutside(mx1) },
  due: {
    given: released,
    call: store => store.due({ now: now + minute, limit: 1 }),
    answer: expect.arrayContaining([expect.objectContaining({ kind: 'domain', name: domain })]),
  },
};

export const allRows = Object.entries(rows).flatMap(([method, some]) => [some].flat().map(row => ({ method, ...row })));

/** Everything that the store has about the names above. */
export async function stateOf(store: Store) {
  return {
    domain: await store.readDomain(domain),
    server: await store.readServer(mx1),
    work: await store.work(mx1, 10),
    installed: await store.allInstalled(mx1),
    token: await store.token(hash),
    arn: await store.domainOfArn(arn),
    acm: await store.acmUse({ withCertificates: true }),
    issuer: await store.readIssuer(directory),
    position: await store.walkPosition(),
    outsides: await store.outsides(),
    endings: await store.endings({ from: 0, now, limit: 10 }),
    pagedOn: await store.pagedOn(),
  };
}

/** @param make an empty store */
export function describeIdempotence(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const staged = stage(() => store);

  describe(`a method applied twice by its owner, in ${name}`, () => {
    test('has a row, whichever it is', () => {
      expect(Object.keys(rows).sort()).toEqual(Object.keys(store).sort());
    });

    test.each(allRows.map(row => [row.title === undefined ? row.method : `${row.method}, ${row.title}`, row] as const))(
      '%s',
      async (_, { given, call, answer, again, leaves }) => {
        const owner = (await given?.(staged, store)) as string;
        expect(await call(store, owner)).toEqual(answer);
        const first = await stateOf(store);
        expect(await call(store, owner)).toEqual(again ? again.answer : answer);
        expect(await stateOf(store)).toEqual(leaves ? leaves.state(first) : first);
      },
    );
  });
}

/** The writes of a delivery, with their conditions (docs/protocol.md). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../core/ports/store.ts';
import { minute, mx1, now, stage } from './store.stage.ts';

const claimLost = expect.objectContaining({ name: 'ClaimLost' });
const delivery = (seq: number, hash = 'd'.repeat(64)) => ({ hash, seq, mode: 'install' as const });

/** @param make an empty store */
export function describeDeliveryStore(name: string, make: () => Promise<Store>): void {
  let store: Store;

  beforeEach(async () => {
    store = await make();
  });
  const { woken } = stage(() => store);

  describe(`a delivery, in ${name}`, () => {
    test('takes the next sequence number', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      expect(await store.readServer(mx1)).toMatchObject({ seq: 2, delivery: delivery(2) });
    });

    test.each([
      ['its number is not the next one', delivery(3), undefined],
      ['its number was given before', delivery(1), undefined],
      ['another execution begins it', delivery(2), 'another'],
    ])('does not begin if %s', async (_, bad, other) => {
      const me = await woken();
      await expect(store.startDelivery({ server: mx1, me: other ?? me, now }, bad)).rejects.toEqual(claimLost);
      expect(await store.readServer(mx1)).toMatchObject({ seq: 1 });
    });

    test('does not begin while another is under way', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await expect(store.startDelivery({ server: mx1, me, now }, delivery(3, 'e'.repeat(64)))).rejects.toEqual(
        claimLost,
      );
      expect(await store.readServer(mx1)).toMatchObject({ delivery: delivery(2), seq: 2 });
    });

    test('has its command recorded', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.recordCommand(
        { server: mx1, me, now },
        { hash: delivery(2).hash, commandId: 'command', sentAt: now + 3 },
      );
      expect(await store.readServer(mx1)).toMatchObject({
        delivery: { ...delivery(2), commandId: 'command', sentAt: now + 3 },
      });
      await expect(
        store.recordCommand({ server: mx1, me, now }, { hash: 'e'.repeat(64), commandId: 'other', sentAt: now }),
      ).rejects.toEqual(claimLost);
    });

    test('ends once, with the facts that the server gave', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await expect(store.endDelivery({ server: mx1, me, now }, { hash: 'e'.repeat(64), changes: {} })).rejects.toEqual(
        claimLost,
      );
      await store.endDelivery(
        { server: mx1, me, now },
        {
          hash: delivery(2).hash,
          changes: {
            ...{ capability: { os: ['Debian 12'] }, hostSecuredAt: now, held: undefined, failures: 0 },
          },
        },
      );
      const record = await store.readServer(mx1);
      expect(record).toMatchObject({ capability: { os: ['Debian 12'] }, hostSecuredAt: now, failures: 0, owner: me });
      expect(record).not.toHaveProperty('delivery');
      expect(record).not.toHaveProperty('held');
      // Only the same end, as the SDK sends it again after a lost answer, succeeds a second time.
      await expect(
        store.endDelivery({ server: mx1, me, now }, { hash: delivery(2).hash, changes: { failures: 1 } }),
      ).rejects.toEqual(claimLost);
      expect(await store.readServer(mx1)).toEqual(record);
    });
  });

  describe(`the end of a delivery, in ${name}`, () => {
    test('continues from the number that the server stores, and deletes the token', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.putToken({ hash: delivery(2).hash, server: mx1, token: 'token' }, now);
      const due = { kind: 'delivery', name: delivery(2).hash, dueAt: now + minute / 2 };
      expect(await store.due({ now: now + minute / 2, limit: 10 })).toContainEqual(due);
      await store.endDelivery({ server: mx1, me, now }, { hash: delivery(2).hash, changes: { seq: 40 } });
      expect(await store.token(delivery(2).hash)).toBeUndefined();
      expect(await store.readServer(mx1)).toMatchObject({ seq: 40 });
      await store.startDelivery({ server: mx1, me, now }, delivery(41));
    });

    test('keeps the token if another execution has the claim', async () => {
      const me = await woken();
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      await store.putToken({ hash: delivery(2).hash, server: mx1, token: 'token' }, now);
      await expect(
        store.endDelivery({ server: mx1, me: 'another', now }, { hash: delivery(2).hash, changes: {} }),
      ).rejects.toEqual(claimLost);
      expect(await store.token(delivery(2).hash)).toMatchObject({ token: 'token' });
    });
  });

  describe(`a registration, in ${name}`, () => {
    test("has an audit's result, deletes what no longer holds, and deletes all of it with a new registration", async () => {
      const me = await woken();
      await store.askAudit(mx1, now);
      await store.startDelivery({ server: mx1, me, now }, delivery(2));
      const audit = { at: now, oldest: now, endpoints: 412, dead: { '443': 2 } };
      await store.endDelivery(
        { server: mx1, me, now },
        { hash: delivery(2).hash, changes: { audit, capability: { ports: ['25'] } }, forget: ['auditAsked'] },
      );
      expect(await store.readServer(mx1)).toMatchObject({ audit, capability: { ports: ['25'] } });
      expect(await store.readServer(mx1)).not.toHaveProperty('auditAsked');
      await store.startDelivery({ server: mx1, me, now }, delivery(3));
      await store.endDelivery(
        { server: mx1, me, now },
        { hash: delivery(3).hash, changes: { auditAsked: now }, forget: ['capability'] },
      );
      expect(await store.readServer(mx1)).not.toHaveProperty('capability');
      await store.registerServer(
        { server: mx1, node: 'i-0123456789abcdef0', roleId: 'AROAOTHER', adopt: false },
        { at: now + 1, now },
      );
      for (const gone of ['audit', 'auditAsked']) expect(await store.readServer(mx1)).not.toHaveProperty(gone);
    });
  });

  describe(`a token, in ${name}`, () => {
    test('is found by the delivery, and is replaced by a later one', async () => {
      expect(await store.token('d'.repeat(64))).toBeUndefined();
      await store.putToken({ hash: 'd'.repeat(64), server: mx1, token: 'one' }, now);
      await store.putToken({ hash: 'd'.repeat(64), server: mx1, token: 'two' }, now);
      expect(await store.token('d'.repeat(64))).toEqual({ server: mx1, token: 'two' });
    });
  });
}

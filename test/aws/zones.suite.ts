import { beforeAll, describe, expect, test } from 'vitest';
import type { Zones } from '../../core/ports/zones.ts';

export interface ZonesUnderTest {
  zones: Zones;
  /** The TXT values at a name, as bare text. */
  values(zoneId: string, recordName: string): Promise<string[]>;
}

/** @param make with the hosted zones customer.test and its child dept.customer.test */
export function describeZones(name: string, make: () => Promise<ZonesUnderTest>): void {
  let zones: Zones;
  let values: ZonesUnderTest['values'];
  let zoneId: string;

  beforeAll(async () => {
    ({ zones, values } = await make());
    zoneId = (await zones.findZones('customer.test'))[0]!.id;
  });

  describe(`a hosted zone, in ${name}`, () => {
    test.each([
      ['its own name', 'customer.test', 'customer.test'],
      ['a name under it', '_acme-challenge.a.b.customer.test', 'customer.test'],
      ['a name in its child', '_acme-challenge.dept.customer.test', 'dept.customer.test'],
      ['a name that only ends in the same letters', 'mycustomer.test', undefined],
      ['a name of another zone', '_acme-challenge.example.com', undefined],
    ])('is found for %s', async (_, asked, expected) => {
      expect((await zones.findZones(asked))[0]?.name).toBe(expected);
    });

    test('has the name servers to which the public must be sent', async () => {
      const zone = (await zones.findZones('customer.test'))[0]!;
      expect(zone.nameServers.length).toBeGreaterThan(0);
      expect(zone.id).toMatch(/^[A-Z0-9]+$/);
    });
  });

  describe(`TXT values, in ${name}`, () => {
    test('are added beside existing ones, and each is removed alone', async () => {
      const record = '_acme-challenge.customer.test';
      await zones.changeTxt(zoneId, [{ recordName: record, add: ['theirs'], remove: [] }]);
      await zones.changeTxt(zoneId, [{ recordName: record, add: ['apex', 'wildcard'], remove: [] }]);
      expect((await values(zoneId, record)).sort()).toEqual(['apex', 'theirs', 'wildcard']);
      await zones.changeTxt(zoneId, [{ recordName: record, add: [], remove: ['apex', 'wildcard'] }]);
      expect(await values(zoneId, record)).toEqual(['theirs']);
      await zones.changeTxt(zoneId, [{ recordName: record, add: [], remove: ['theirs'] }]);
      expect(await values(zoneId, record)).toEqual([]);
    });

    test('may be added and removed twice', async () => {
      const record = '_acme-challenge.twice.customer.test';
      for (let i = 0; i < 2; i++) await zones.changeTxt(zoneId, [{ recordName: record, add: ['a'], remove: [] }]);
      expect(await values(zoneId, record)).toEqual(['a']);
      for (let i = 0; i < 2; i++) await zones.changeTxt(zoneId, [{ recordName: record, add: [], remove: ['a'] }]);
      expect(await values(zoneId, record)).toEqual([]);
    });

    test('of several writers at once are all kept', async () => {
      const record = '_acme-challenge.shared.customer.test';
      const all = ['one', 'two', 'three', 'four'];
      await Promise.all(all.map(value => zones.changeTxt(zoneId, [{ recordName: record, add: [value], remove: [] }])));
      expect((await values(zoneId, record)).sort()).toEqual([...all].sort());
    });

    test('of several names are added and removed together, beside values that are not ours', async () => {
      const names = ['a', 'b', 'c'].map(label => `_acme-challenge.${label}.customer.test`);
      await zones.changeTxt(zoneId, [{ recordName: names[1]!, add: ['theirs'], remove: [] }]);
      await zones.changeTxt(
        zoneId,
        names.map(recordName => ({ recordName, add: ['ours'], remove: [] })),
      );
      const all = () => Promise.all(names.map(async name => (await values(zoneId, name)).sort()));
      expect(await all()).toEqual([['ours'], ['ours', 'theirs'], ['ours']]);
      await zones.changeTxt(
        zoneId,
        names.map(recordName => ({ recordName, add: [], remove: ['ours'] })),
      );
      expect(await all()).toEqual([[], ['theirs'], []]);
    });

    test('that exist only in part are removed in part', async () => {
      const recordName = '_acme-challenge.part.customer.test';
      await zones.changeTxt(zoneId, [{ recordName, add: ['a', 'theirs'], remove: [] }]);
      await zones.changeTxt(zoneId, [{ recordName, add: [], remove: ['a', 'b'] }]);
      expect(await values(zoneId, recordName)).toEqual(['theirs']);
    });

    test('of a deleted zone count as removed', async () => {
      await zones.changeTxt('Z0', [{ recordName: '_acme-challenge.x.test', add: [], remove: ['a'] }]);
    });

    test('for a deleted zone are an error if they are to be added', async () => {
      const recordName = '_acme-challenge.x.test';
      const putting = zones.changeTxt('Z0', [{ recordName, add: ['a'], remove: [] }]);
      await expect(putting).rejects.toMatchObject({ name: 'DomainNotManaged', about: recordName });
    });
  });
}

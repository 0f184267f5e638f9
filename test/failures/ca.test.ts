import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestCa, type TestCa } from '../core/acme/ca.ts';
import { caRows } from './rows/ca.ts';
import { Stage, MINUTE } from './stage.ts';

let at: TestCa;
let roots: string;
beforeAll(async () => {
  at = await startTestCa({ reusesAuthorizations: 0 });
  roots = await at.ca.issuerRoots();
}, 300_000);
afterAll(() => at?.stop());
beforeEach(() => at.calm());

describe('at a renewal', () => {
  test.each(caRows)('$what', async ({ fault, parked, state }) => {
    const stage = new Stage(at, roots);
    const { before } = await stage.prepare();
    const times = new Map<string, number>();
    let faults = 0;
    at.fault = line => {
      times.set(line, (times.get(line) ?? 0) + 1);
      const given = fault(line, times.get(line)!);
      if (given !== undefined) faults++;
      return given;
    };
    await stage.renewed();
    expect(faults).toBeGreaterThan(0);
    const { entered } = stage.steps;
    expect(entered).toContain(state);
    expect(stage.steps.unforeseen).toEqual([]);
    expect(stage.steps.failed).toEqual([]);
    const told = stage.world.bus.events.filter(({ detailType }) => detailType === 'Domain Parked');
    if (parked) {
      const { reason, message, nextTry } = stage.record!.parked!;
      expect({ reason, message }).toMatchObject({
        reason: parked.reason,
        message: expect.stringContaining(parked.says ?? ''),
      });
      expect(nextTry - stage.time).toBeLessThanOrEqual(parked.within);
      expect(told).toHaveLength(1);
      expect(entered[entered.indexOf('ParkDomain') - 1]).toBe(state);
      expect(stage.served).toBe(before);
    } else {
      expect(stage.record!.parked).toBeUndefined();
      expect(told).toEqual([]);
      expect(entered).not.toContain('ParkDomain');
    }
    at.fault = () => undefined;
    await stage.pass((stage.record!.parked?.nextTry ?? stage.time) + 10 * MINUTE);
    if (stage.record!.parked) await stage.pass(stage.record!.parked.nextTry + 10 * MINUTE);
    expect(stage.record!.parked).toBeUndefined();
    expect(stage.served).toBe(stage.record!.current!.fingerprint);
    expect(stage.served).not.toBe(before);
    expect(keysOf(stage)).toEqual([stage.record!.current!.id]);
  });
});

/** The keys in the bucket for the domain. */
function keysOf({ world, domain }: Stage): string[] {
  return [...world.objects.keys()]
    .filter(key => key.startsWith(`certificates/${domain}/`) && key.endsWith('/key'))
    .map(key => key.split('/')[2]!);
}

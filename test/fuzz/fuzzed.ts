/** The properties of one subject as tests, with one figure for all of them. */
import { afterAll, describe, expect, test } from 'vitest';
import { record } from '../figures.ts';
import { again, newSeed, type Property } from './property.ts';

/** @param subject also the name of the figure */
export function fuzzed(subject: string, properties: Property[]): void {
  describe(`of any ${subject}`, () => {
    const seed = newSeed();
    const began = Date.now();
    let [runs, findings] = [0, 0];
    test.each(properties)(`by the seed ${seed}: $name`, { timeout: 300_000 }, async one => {
      const { runs: done, finding } = await one.check({ seed, runs: one.runs });
      runs += done;
      if (finding) findings += 1;
      expect(finding && { ...finding, again: again(one, { seed, path: finding.path }) }).toBeUndefined();
      expect(done).toBe(one.runs);
    });
    afterAll(() => {
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      record(`fuzz ${subject}`, { [`fuzz: ${subject}`]: `${runs} runs, ${seconds} s, ${findings} findings` });
    });
  });
}

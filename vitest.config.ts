import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The first five wait most of their time, for minutes that nobody can shorten. They begin together
 * and leave the cores to the others. Each of the others works for half a minute or more.
 */
const LONG = [
  'road/road',
  'road/renewal',
  'road/issuers',
  'local/visitor',
  'local/killed',
  'install/killed-anywhere',
  'install/bookworm',
  'install/trixie',
  'house/contributing',
  'road/start',
  'install/audit',
  'install/two-certificates',
  'road/visit',
  'bin/sealpost',
  'lib/synth',
  'aws/store',
  'install/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONG.findIndex(part => moduleId.includes(`/test/${part}`));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

/**
 * Hosts, a CA and a whole provider come up in hooks; a test on real parts waits for them, not for a
 * clock.
 */
const patience = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 300_000 };
const MEASURED = 'test/road/measured.test.ts';

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // By itself vitest leaves one core free. On two cores that is half of them, and most tests wait
    // for other processes.
    maxWorkers: 6,
    projects: [
      {
        test: {
          ...patience,
          name: 'parts',
          include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
          exclude: [MEASURED],
          maxWorkers: 6,
          // The tests of renewals wait side by side.
          maxConcurrency: 10,
          sequence: { groupOrder: 0 },
        },
      },
      // This file runs alone, after the parts, so its figures do not include other tests' work.
      { test: { ...patience, name: 'measured', include: [MEASURED], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});

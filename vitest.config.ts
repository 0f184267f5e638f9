import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Minutes each, since a host or a provider is killed and started again: first, so that no core
 * waits for one at the end.
 */
const LONG = [
  'road/renewal',
  'local/killed',
  'install/bookworm',
  'install/trixie',
  'road/issuers',
  'local/visitor',
  'install/',
  'road/start',
  'bin/',
  'house/contributing',
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
const MEASURED = 'test/road/road.test.ts';

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // By itself vitest leaves one core free; on two cores that is half of them, and most tests wait
    // for other processes: measured with two, what takes long took no longer than alone.
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...patience,
          name: 'parts',
          include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
          exclude: [MEASURED],
          maxWorkers: 3,
          // The tests of renewals wait side by side.
          maxConcurrency: 10,
          sequence: { groupOrder: 0 },
        },
      },
      // After the parts, alone: what it measures is not to be what others do beside it.
      { test: { ...patience, name: 'road', include: [MEASURED], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});

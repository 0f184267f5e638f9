import { defineConfig } from 'vitest/config';

/** Hosts, a CA and a whole provider come up in hooks; a test on real parts waits for them, not for a clock. */
const patience = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 300_000 };

export default defineConfig({
  test: {
    // Vitest leaves one core free by itself; on two cores that is half of them, and most tests wait for other processes.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...patience,
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/road/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // After the parts, one file at a time: what it measures is not to be what others do beside it.
        test: {
          ...patience,
          name: 'road',
          include: ['test/road/**/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

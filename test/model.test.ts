/**
 * The model check: the real steps and state machines over the twins, in interleavings that a seed
 * gives, with kills, lost answers and all that senders, servers and CAs do.
 */
import { describe, expect, test } from 'vitest';
import { record } from './figures.ts';
import { holes } from './model/holes.ts';
import { play } from './model/play.ts';
import { newSeed, search } from './model/search.ts';

/** About half a second of a core for each. */
const RUNS = 60;
/** Other runs each time: `npm run search -- --seed N` gives those of a seed again. */
const seed = newSeed();
/** A search that found a hole goes on to shrink its run, and says after this what it has. */
const LONGEST_MS = 400_000;

describe('the model check', () => {
  test('an undisturbed provider orders, delivers and renews', async () => {
    const { orders } = await play({ steps: [], places: [], lifeDays: 90, skews: [] });
    expect(orders).toBeGreaterThanOrEqual(5);
  });

  test.each(holes)('$what', async ({ run }) => {
    await play(run);
  });

  test(`of ${RUNS} runs, by the seed ${seed}, none contradicts what always holds`, { timeout: 600_000 }, async () => {
    const began = process.cpuUsage();
    const { runs, turns, hole } = await search({ seed, runs: RUNS, milliseconds: LONGEST_MS });
    const { user, system } = process.cpuUsage(began);
    const cpu = Math.round((user + system) / 1e6);
    record('model', { 'model check': `seed ${seed}: ${runs} runs, ${turns} calls and moments, ${cpu} s of a core` });
    expect(hole).toBeUndefined();
    expect(runs).toBeGreaterThan(0);
  });
});

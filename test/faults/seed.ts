/**
 * The seed of the faults that the stand-in for AWS has in tests. `npm test` draws and prints it,
 * and `npm test -- --seed N` repeats it. A test file that vitest runs by itself draws its own.
 */
import { randomInt } from 'node:crypto';

const given = process.env.SEALPOST_TEST_SEED;
export const seed = given === undefined ? randomInt(2 ** 31) : Number(given);
if (given === undefined) console.log(`Faults of AWS by the seed ${seed}: SEALPOST_TEST_SEED=${seed} repeats them`);

const LONGER = ['outage', 'staleIndex', 'rightUnseen', 'throttled'] as const;

/** Each of these leaves a delivery to the sweep, and the road's tests do not wait so long. */
const FOR_THE_SWEEP = ['outage', 'serviceEventNever'] as const;
/** The road has faults in every run. */
export const faultsOfTheRoad = { seed, without: FOR_THE_SWEEP } as const;
/** Other providers of tests have faults in a run that names its seed: `npm test -- --seed 7`. */
export const faultsBesideTheRoad = process.env.SEALPOST_ROAD_FAULTS === 'yes' ? faultsOfTheRoad : undefined;

/** The client of the product has a role with these rights. The test's own client is the root. */
export const everything = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
const callers = /:assumed-role\//;

/**
 * Faults for a test of one call: those that the SDK's own attempts outlast. Longer ones are for the
 * road, whose state machines retry.
 */
export const passingFaults = { faults: { seed, callers, without: LONGER } } as const;
/**
 * Lost answers are for test/aws/lost-answers.test.ts, which loses each of the store's writes and
 * says what that leaves.
 */
export const faultsOfTheStore = { faults: { seed, callers, without: [...LONGER, 'answerLost'] } } as const;

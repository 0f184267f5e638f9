/**
 * The provider is killed in any state and started again. This provider is the test's own, because
 * the visitor uses the other one meanwhile.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { killedSuite } from './visitor/killed.ts';
import { local } from './visitor/visitor.ts';

beforeAll(async () => {
  const { exitCode, stdout, stderr } = await local('up');
  if (exitCode !== 0) throw new Error(stdout + stderr);
}, 600_000);
afterAll(() => local('down').then(() => {}), 60_000);

describe('a provider that is killed and started again', killedSuite);

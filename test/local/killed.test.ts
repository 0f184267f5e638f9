/** Killed at any state, and started again: a provider of its own, since the visitor's is in use meanwhile. */
import { afterAll, beforeAll, describe } from 'vitest';
import { killedSuite } from './visitor/killed.ts';
import { local } from './visitor/visitor.ts';

beforeAll(async () => {
  const { exitCode, stdout, stderr } = await local('up');
  if (exitCode !== 0) throw new Error(stdout + stderr);
}, 600_000);
afterAll(() => local('down').then(() => {}), 60_000);

describe('killed and started again', killedSuite);

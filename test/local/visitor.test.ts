/**
 * What a visitor does with a provider, in this order. All tests share one provider, because its
 * start takes a while.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { commandSuite } from './visitor/command.ts';
import { judgesSuite } from './visitor/judges.ts';
import { rightsSuite } from './visitor/rights.ts';
import { leavesNothingSuite } from './visitor/nothing-left.ts';
import { local } from './visitor/visitor.ts';

beforeAll(async () => {
  const { exitCode, stdout, stderr } = await local('up');
  if (exitCode !== 0) throw new Error(stdout + stderr);
}, 600_000);
afterAll(() => local('down').then(() => {}), 60_000);

// Each `aws` takes a second for Python's start, and more on a busy machine.
describe('the command line', { timeout: 180_000 }, commandSuite);
describe('judges that others wrote', judgesSuite);
describe('rights of each caller', rightsSuite);
describe('down', leavesNothingSuite);

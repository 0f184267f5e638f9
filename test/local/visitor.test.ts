/** One provider for all of these, since it takes a while to come up: what a stranger does with it, in this order. */
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

// Each `aws` is a second of Python's start, and more on a busy machine.
describe('the command line', { timeout: 180_000 }, commandSuite);
describe('judges that others wrote', judgesSuite);
describe('rights, seen from outside', rightsSuite);
describe('taken away', leavesNothingSuite);

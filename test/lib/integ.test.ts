/**
 * The snapshot of the stack for `integ-runner`, compared as the runner does without an account. A
 * change of lib/ that is meant is accepted by `npm run integ -- --dry-run --update-on-failed`.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { checkout, files, json } from '../house/sources.ts';

const SNAPSHOT = 'test/integ/integ.sealpost.ts.snapshot';

test('integ-runner finds the synthesised stack as it was accepted', async () => {
  const runner = join(checkout, 'node_modules/@aws-cdk/integ-runner/bin/integ-runner');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [runner], { cwd: checkout }).catch(
    (failed: { stdout: string; stderr: string }) => failed,
  );
  const said = `${stdout}${stderr}`;
  expect(said).toContain('UNCHANGED  integ.sealpost');
  expect(said).toContain('1 passed, 1 total');
}, 400_000);

test('the snapshot keeps nothing: a test may be destroyed with all that it has made', () => {
  const { Resources } = json(`${SNAPSHOT}/sealpost-integ.template.json`) as {
    Resources: Record<string, { DeletionPolicy?: string }>;
  };
  const kept = Object.entries(Resources).filter(([, { DeletionPolicy = 'Delete' }]) => DeletionPolicy !== 'Delete');
  expect(kept.map(([id]) => id)).toEqual([]);
});

test('the snapshot has no assets, which are large and change with every line', () => {
  const snapshot = files.filter(path => path.startsWith(`${SNAPSHOT}/`));
  expect(snapshot.filter(path => path.includes('/asset.'))).toEqual([]);
  expect(snapshot.length).toBeGreaterThan(3);
});

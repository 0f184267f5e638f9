/**
 * `npm run mutants`: walks all mutations (test/failures/rows/mutants.ts) in a copy of the checkout.
 * Each named test must fail of its mutation. Prints a line for each; exit code 1 if one lives.
 */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '../../local/machine/program.ts';
import { checkout, files, read } from '../house/sources.ts';
import { mutants, type Mutant } from '../failures/rows/mutants.ts';

/** In the checkout, so that its node_modules is found. Git ignores the folder. */
const copy = join(checkout, '.local/mutants');
const VITEST = join(checkout, 'node_modules/vitest/vitest.mjs');

rmSync(copy, { recursive: true, force: true });
for (const file of files) {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  copyFileSync(join(checkout, file), join(copy, file));
}
let alive = 0;
for (const mutant of mutants) {
  const failed = await failsOf(mutant);
  if (failed === undefined) alive++;
  console.log(`${failed === undefined ? 'LIVES' : 'caught'}: ${mutant.what}${failed ? `: ${failed}` : ''}`);
}
rmSync(copy, { recursive: true });
console.log(`${mutants.length - alive} of ${mutants.length} mutations are caught`);
process.exitCode = alive === 0 ? 0 : 1;

/** @returns the first test that failed; undefined if none did, or if none was found */
async function failsOf({ file, from, to, test }: Mutant): Promise<string | undefined> {
  const text = read(file);
  if (text.split(from).length !== 2) throw new Error(`${file} does not have this once: ${from}`);
  writeFileSync(
    join(copy, file),
    text.replace(from, () => to),
  );
  const named = ['-t', test.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')];
  const command = [
    process.execPath,
    ...process.execArgv,
    VITEST,
    'run',
    '--root',
    copy,
    test.file,
    ...(test.name ? named : []),
  ];
  const { exitCode, stdout, stderr } = await runProgram(command, {
    environment: { ...process.env, NO_COLOR: '1' } as Record<string, string>,
  });
  writeFileSync(join(copy, file), text);
  const failed = /FAIL .*?> (.*)/.exec(stdout + stderr)?.[1];
  return exitCode === 0 ? undefined : failed;
}

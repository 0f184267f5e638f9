/**
 * An adapter is added as docs/servers/adding-one.md says. In a copy of this checkout the files that
 * the page lists get their part of a toy mail server; no other file changes. Then the copy runs the
 * contract on a host with the toy.
 */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { mustRun, runProgram } from '../../local/machine/program.ts';
import { checkout, files, read } from '../house/sources.ts';

const toy = (file: string) => readFileSync(join(import.meta.dirname, 'toy', file), 'utf8');
/** The part of the toy in a file; `text` is what the file had before. */
const parts: Record<string, (text: string) => string> = {
  'install/adapters/toy.sh': () => toy('adapter.sh'),
  'install/installer.sh': text => text.replace(/(^\. \.\/adapters\/)courier\.sh\n/m, '$&$1toy.sh\n'),
  'local/hosts/software/toy.sh': () => toy('host.sh'),
  // The packages of another test's host, so that no root is built for the toy.
  'local/hosts/software.ts': text =>
    text.replace(
      / packages: (\[.*courier.*\],)\n(.*\n)*? {2}\},\n/,
      '$&  toy: { packages: $1 ports: [25, 465, 993], isTransportAgent: true },\n',
    ),
  'test/install/bookworm-toy-nginx.test.ts': () => toy('contract.ts').replaceAll("'../", "'./"),
  'docs/servers/toy.md': () => toy('page.md'),
  'README.md': text => text.replace(/^\| Courier .*\n/m, '$&| the toy | by name | [toy](docs/servers/toy.md) |\n'),
};

const copy = mkdtempSync(join(tmpdir(), 'sealpost-toy-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

it('by the files that the page lists, and passes the contract', { timeout: 900_000 }, async () => {
  for (const file of files) cpSync(join(checkout, file), join(copy, file));
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  await mustRun(['git', 'init', '--quiet', copy]);
  for (const file of listed()) {
    const before = files.includes(file) ? read(file) : '';
    const after = parts[file]?.(before);
    expect(after, `the toy's part in ${file}`).not.toBe(before);
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), after!);
  }
  const report = join(copy, 'report.json');
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${report}`];
  const tests = [
    'test/house/daemons.test.ts',
    'test/install/assemble.test.ts',
    'test/install/bookworm-toy-nginx.test.ts',
  ];
  const vitest = [process.execPath, join(copy, 'node_modules/vitest/vitest.mjs'), 'run', '--bail=1', '--root', copy];
  const { exitCode, stdout, stderr } = await runProgram([...vitest, ...reporters, '--project', 'parts', ...tests]);
  expect(exitCode, stdout + stderr).toBe(0);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const passed = testResults.flatMap((one: any) =>
    one.assertionResults.filter((test: any) => test.status === 'passed'),
  );
  const titles: string[] = passed.map((test: any) => test.fullName);
  expect(titles).toContain('a daemon is named in no other place');
  expect(titles).toContain(
    'adopted domains are served by name on every port that can, and from now on somebody is logged in and idle',
  );
});

/** What the page's table names, with the toy's name for NAME. */
function listed(): string[] {
  const [, table] = read('docs/servers/adding-one.md').split('\n## The files\n');
  const rows = [...table!.split('\n## ')[0]!.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path!);
  return rows.map(path => path.replace('RELEASE-NAME-…', 'bookworm-toy-nginx').replaceAll('NAME', 'toy'));
}

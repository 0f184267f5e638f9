/**
 * The lists of CONTRIBUTING.md, proven in copies of the checkout. With all files of a list changed,
 * the type check and the rules of the house pass. With one file left out, the check that the recipe
 * names fails.
 */
import { constants, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mustRun, runProgram } from '../../local/machine/program.ts';
import { recipes } from './recipes.ts';
import { checkout, files, read } from './sources.ts';

const titles = Object.keys(recipes);
const missing = titles.flatMap(title =>
  Object.entries(recipes[title]!.changes).map(([file, { missedBy }]) => ({ title, file, missedBy })),
);
type Missing = (typeof missing)[number];
/** Of a copy. */
const nameFor = (...of: string[]) => of.join(' without ').replace(/[^\w.]+/g, '-');
const nameOf = ({ title, file }: Missing) => nameFor(title, file);
const isForTypes = ({ missedBy }: Missing) => missedBy === 'types';

/** What the type check reads in a copy. */
const TYPED = [
  ...['core', 'aws', 'lambdas', 'lib', 'statemachines'],
  ...['test/core', 'test/twins', 'test/statemachines'],
];

describe.each(titles)('%s', title => {
  const section = read('CONTRIBUTING.md').split(`\n### ${title}\n`)[1]!.split('\n#')[0]!;
  const listed = [...section.matchAll(/^\d+\. `([^`]+)`( \(new\))?/gm)].map(([, path, isNew]) => ({ path, isNew }));

  test('lists the files that the recipe changes, and no more of them than the bar', () => {
    const { bar, changes } = recipes[title]!;
    expect(listed.map(({ path }) => path).sort()).toEqual(Object.keys(changes).sort());
    expect(listed.length).toBeLessThanOrEqual(bar);
  });

  test('says which of its files are new', () => {
    expect(listed.filter(({ path, isNew }) => files.includes(path!) === (isNew !== undefined))).toEqual([]);
  });
});

describe('in a copy of the checkout', () => {
  /** In the checkout, so that its node_modules is found. Git ignores the folder. */
  const base = join(checkout, '.local/contributing');
  const COMPLETE = 'complete';
  /** The rules of the house, and every test file that a recipe changes. */
  const complete = [...files.filter(path => path.startsWith('test/house/')), ...missing.map(({ file }) => file)]
    .filter(path => path.endsWith('.test.ts') && path !== 'test/house/contributing.test.ts')
    .map(path => `${COMPLETE}/${path}`);
  let typeErrors: string;
  /** Test files, as `copy/path`. */
  let passed: string[];
  /** With the first failure of each. */
  let failed: Record<string, string | undefined>;

  beforeAll(async () => {
    rmSync(base, { recursive: true, force: true });
    await mustRun(['git', 'init', '--quiet', base]);
    writeFileSync(join(base, 'package.json'), JSON.stringify({ type: 'module' }));
    makeCopy(COMPLETE, titles.flatMap(changesOf));
    for (const title of titles) makeCopy(nameFor(title), changesOf(title));
    for (const one of missing)
      makeCopy(
        nameOf(one),
        changesOf(one.title).filter(({ file }) => file !== one.file),
      );
    typeErrors = await checkTypes();
    ({ passed, failed } = await runTests());
  }, 900_000);
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  test('all changes together pass every rule of the house', () => {
    expect(Object.fromEntries(complete.map(path => [path, failed[path]]))).toEqual({});
    expect(passed).toEqual(expect.arrayContaining(complete));
  });

  test.each(titles)('%s: the listed files are enough for the type check', title => {
    expect(errorsIn(nameFor(title))).toEqual([]);
  });

  test.each(missing)('$title: without $file, $missedBy fails', one => {
    if (isForTypes(one)) expect(errorsIn(nameOf(one))).not.toEqual([]);
    else expect(failed).toHaveProperty([`${nameOf(one)}/${one.missedBy}`]);
  });

  const errorsIn = (copy: string) => typeErrors.split('\n').filter(line => line.startsWith(`${copy}/`));

  const changesOf = (title: string) =>
    Object.entries(recipes[title]!.changes).map(([file, { edit }]) => ({ file, edit }));

  function makeCopy(name: string, changes: { file: string; edit(text: string): string }[]): void {
    const at = (path: string) => join(base, name, path);
    for (const folder of new Set(files.map(path => dirname(path)))) mkdirSync(at(folder), { recursive: true });
    for (const path of files) copyFileSync(join(checkout, path), at(path), constants.COPYFILE_FICLONE);
    for (const { file, edit } of changes)
      writeFileSync(at(file), edit(existsSync(at(file)) ? readFileSync(at(file), 'utf8') : ''));
  }

  /** One run for all copies that the type check has to accept or to refuse. @returns its output */
  async function checkTypes(): Promise<string> {
    const checked = [...titles.map(title => nameFor(title)), ...missing.filter(isForTypes).map(nameOf)];
    const declarations = files.filter(path => path.endsWith('.d.ts')).map(path => join(checkout, path));
    const include = [...checked.flatMap(copy => TYPED.map(folder => `${copy}/${folder}`)), ...declarations];
    writeFileSync(join(base, 'tsconfig.json'), JSON.stringify({ extends: join(checkout, 'tsconfig.json'), include }));
    const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
    const { stdout } = await runProgram([process.execPath, tsc, '--project', base]);
    return stdout.replaceAll(`${relative(process.cwd(), base)}/`, '');
  }

  /**
   * The rules of the house and the changed tests in the complete copy, and the tests that have to
   * fail.
   */
  async function runTests(): Promise<{ passed: string[]; failed: Record<string, string | undefined> }> {
    const drawn = missing.filter(({ missedBy }) => missedBy.startsWith('test/statemachines/'));
    for (const copy of [COMPLETE, ...drawn.map(nameOf)])
      await mustRun([process.execPath, join(base, copy, 'test/house/generated.ts')]);
    const toFail = missing.filter(one => !isForTypes(one)).map(one => `${nameOf(one)}/${one.missedBy}`);
    const report = join(base, 'report.json');
    const vitest = join(checkout, 'node_modules/vitest/vitest.mjs');
    writeFileSync(
      join(base, 'vitest.config.js'),
      "export default { test: { include: ['*/test/**'], pool: 'forks', testTimeout: 60_000, hookTimeout: 300_000 } };",
    );
    const options = ['--root', base, '--no-isolate', '--reporter=json', `--outputFile=${report}`];
    await runProgram([process.execPath, vitest, 'run', ...options, ...complete, ...toFail]);
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: {
        name: string;
        status: string;
        message: string;
        assertionResults: { failureMessages: string[] }[];
      }[];
    };
    const those = (wanted: string) =>
      testResults.flatMap(({ name, status, message, assertionResults }) => {
        const [why = message] = assertionResults.flatMap(({ failureMessages }) => failureMessages);
        return status === wanted ? [[name.slice(base.length + 1), why] as const] : [];
      });
    return { passed: those('passed').map(([path]) => path), failed: Object.fromEntries(those('failed')) };
  }
});

/**
 * `npm run check`: format, types, shell and the rules of the house, in parallel. It prints one line
 * for each part, and after it what is wrong. There is no eslint: the compiler's strict flags find
 * what eslint would, and test/house holds the rules that the compiler cannot check.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runProgram, type ProgramResult } from '../../local/machine/program.ts';
import { checkout, files } from './sources.ts';

/** What the parts remember from one run to the next. */
const memory = join(checkout, '.local/house');
const tool = (path: string) => [process.execPath, join(checkout, 'node_modules', path)];

/** Without contributing.test.ts, which takes a minute of CPU: `npm test` runs that one. */
const rules = files.filter(path => /^test\/(house|aws-words)\/(?!contributing)[^/]*\.test\.ts$/.test(path));

interface Part {
  name: string;
  run(): Promise<ProgramResult>;
}

/** Begun in this order; format takes the longest where nothing is remembered yet. */
const parts: Part[] = [
  {
    name: 'format',
    run: () =>
      runProgram([
        ...tool('prettier/bin/prettier.cjs'),
        ...['--check', '--log-level=warn', '--cache', '--cache-location', join(memory, 'format')],
        ...formatted(),
      ]),
  },
  {
    name: 'types',
    run: () =>
      runProgram([
        ...tool('typescript/bin/tsc'),
        ...['--project', checkout, '--incremental', '--tsBuildInfoFile', join(memory, 'types.tsbuildinfo')],
      ]),
  },
  {
    name: 'house rules',
    run: () => runProgram([...tool('vitest/vitest.mjs'), 'run', '--root', checkout, '--reporter=dot', ...rules]),
  },
  { name: 'shell', run: checkShell },
];

/** Prose keeps the shape that its writer gave it. */
function formatted(): string[] {
  return files.filter(path => /\.(ts|mjs|cjs|json)$/.test(path) && path !== 'package-lock.json');
}

/**
 * Debian's shellcheck over everything that a shell runs: the installer with its parts, the hosts'
 * scripts, the SSM document's lines.
 */
async function checkShell(): Promise<ProgramResult> {
  const missing = await installShellcheck();
  if (missing) return missing;
  /** The others are parts of one text, which test/install/assemble.test.ts checks. */
  const isWhole = (path: string) => path.endsWith('.sh') && !/^install\/(parts|adapters)\/|\/adapter\.sh$/.test(path);
  const scripts = await runProgram([
    'shellcheck',
    '--external-sources',
    '--source-path=SCRIPTDIR',
    ...files.filter(isWhole),
  ]);
  const document = JSON.parse(readFileSync(join(checkout, 'install/document.json'), 'utf8'));
  const lines: string[] = document.mainSteps.flatMap(({ action, inputs }: any) =>
    action === 'aws:runShellScript' ? inputs.runCommand : [],
  );
  const input = lines.join('\n').replace(/\{\{ \w+ \}\}/g, 'parameter') + '\n';
  const loader = await runProgram(['shellcheck', '-'], { input });
  return {
    exitCode: scripts.exitCode || loader.exitCode,
    stdout: scripts.stdout + loader.stdout,
    stderr: scripts.stderr + loader.stderr,
  };
}

/** @returns what apt said, where it could not install it */
async function installShellcheck(): Promise<ProgramResult | undefined> {
  const present = await runProgram(['sh', '-c', 'command -v shellcheck']);
  if (present.exitCode === 0) return undefined;
  console.log('shellcheck is missing: installing it with apt-get (Debian, about 15 MB)');
  const environment = { ...(process.env as Record<string, string>), DEBIAN_FRONTEND: 'noninteractive' };
  const apt = 'apt-get update -qq && apt-get install -qq -y --no-install-recommends shellcheck';
  const installed = await runProgram(['sh', '-c', apt], { environment });
  return installed.exitCode === 0 ? undefined : installed;
}

/** @returns whether the part is in order */
async function report({ name, run }: Part): Promise<boolean> {
  const began = performance.now();
  const { exitCode, stdout, stderr } = await run();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${exitCode === 0 ? 'ok   ' : 'WRONG'} ${name} (${seconds} s)`);
  if (exitCode !== 0) console.log(`${stdout}${stderr}`.trimEnd());
  return exitCode === 0;
}

mkdirSync(memory, { recursive: true });
process.chdir(checkout);
const waiting = [...parts];
const verdicts: boolean[] = [];
await Promise.all(
  Array.from({ length: Math.min(availableParallelism(), parts.length) }, async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) verdicts.push(await report(part));
  }),
);
process.exitCode = verdicts.every(verdict => verdict) ? 0 : 1;

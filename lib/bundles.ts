/**
 * The functions' bundles, all by one call of esbuild: a second, as a single bundle would take
 * alone. CommonJS, because an ES module bundle breaks the calls of `require` in the SDK and in
 * acme-client.
 */
import { writeFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import { installer, windowsInstaller } from '../install/assemble.ts';
import type { Bundle } from './deployed-functions.ts';
import { kebab } from './function-names.ts';

const here = (path: string) => new URL(`../${path}`, import.meta.url).pathname;

type Bundles = Record<string, Bundle & { bytes: number }>;

/** @param names rows of lib/functions.ts */
export function bundle(names: string[]): Bundles {
  return bundled(names).bundles;
}

/** @returns in addition every file that is in one of them, as esbuild names it */
export function bundled(names: string[]): { bundles: Bundles; inputs: string[] } {
  const installers = { Linux: installer(), Windows: windowsInstaller() };
  writeFileSync(here('install/installer.bundle.sh'), installers.Linux.text);
  writeFileSync(here('install/installer.bundle.ps1'), installers.Windows.text);
  const { metafile } = buildSync({
    entryPoints: names.map(name => ({ in: here(`lambdas/${kebab(name)}.ts`), out: `${kebab(name)}/index` })),
    outdir: here('dist'),
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    mainFields: ['module', 'main'],
    define: { INSTALLERS: JSON.stringify(installers, ['Linux', 'Windows', 'sha256']) },
    loader: { '.sh': 'text', '.ps1': 'text' },
    alias: { 'node-forge': here('lib/stubs/node-forge.cjs'), axios: here('lib/stubs/axios.cjs') },
    logLevel: 'warning',
  });
  const size = (file: string) =>
    Object.entries(metafile.outputs).find(([path]) => path.endsWith(`${file}/index.js`))![1].bytes;
  const bundles = Object.fromEntries(
    names.map(name => [name, { directory: here(`dist/${kebab(name)}`), bytes: size(kebab(name)) }]),
  );
  return { bundles, inputs: Object.keys(metafile.inputs) };
}

/**
 * Each function's bundle, by one call of esbuild for all of them (a second; one by one they cost as much each). CommonJS,
 * because the SDK's and acme-client's `require` of Node's own modules does not survive an ES module bundle.
 */
import { writeFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import { installer, windowsInstaller } from '../install/assemble.ts';
import { kebab } from './function-names.ts';

const here = (path: string) => new URL(`../${path}`, import.meta.url).pathname;

export interface Bundle {
  /** The directory that becomes the function's asset. */
  directory: string;
  bytes: number;
}

/** @param names rows of lib/functions.ts @returns each one's bundle */
export function bundle(names: string[]): Record<string, Bundle> {
  writeFileSync(here('install/installer.bundle.sh'), installer().text);
  writeFileSync(here('install/installer.bundle.ps1'), windowsInstaller().text);
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
    loader: { '.sh': 'text', '.ps1': 'text' },
    alias: { 'node-forge': here('lib/stubs/node-forge.cjs'), axios: here('lib/stubs/axios.cjs') },
    logLevel: 'warning',
  });
  const size = (file: string) =>
    Object.entries(metafile.outputs).find(([path]) => path.endsWith(`${file}/index.js`))![1].bytes;
  return Object.fromEntries(
    names.map(name => [name, { directory: here(`dist/${kebab(name)}`), bytes: size(kebab(name)) }]),
  );
}

/**
 * `npm pack` runs this file first (`prepack`). It writes dist/package: what the npm package has
 * beside its pages. Each program is one file of JavaScript, so that the package depends on nothing
 * but CDK, and what was tested is what runs.
 */
import { createHash } from 'node:crypto';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { installer, windowsInstaller } from '../install/assemble.ts';
import { bundled } from '../lib/bundles.ts';
import { functionNames, kebab } from '../lib/function-names.ts';
import { declarations } from './declarations.ts';
import { exchangeManifest } from './manifest.ts';
import { notices } from './notices.ts';

const CHECKOUT = join(import.meta.dirname, '..');
const TO = join(CHECKOUT, 'dist/package');
const { name, version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'));

/** The oldest Node of package.json's `engines`. */
const common = {
  ...{ bundle: true, platform: 'node', target: 'node20', metafile: true, absWorkingDir: CHECKOUT },
  // Node 20 has no Map.groupBy.
  define: { 'Map.groupBy': 'groupBy' },
  mainFields: ['module', 'main'],
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** The installers are made here, because the package has no parts to make them of. */
const installers: Plugin = {
  name: 'installers',
  setup({ onLoad }) {
    const made = { installer: installer(), windowsInstaller: windowsInstaller() };
    const contents = Object.entries(made)
      .map(([of, made]) => `export const ${of} = () => (${JSON.stringify(made)});`)
      .join('\n');
    onLoad({ filter: /install\/assemble\.ts$/ }, () => ({ contents, loader: 'js' }));
  },
};

/** CommonJS, as aws-cdk-lib is: an app imports or requires it. */
function construct() {
  return build({
    ...common,
    entryPoints: { sealpost: 'lib/sealpost.ts' },
    outdir: join(TO, 'lib'),
    format: 'cjs',
    external: ['aws-cdk-lib', 'constructs'],
    define: { ...common.define, 'import.meta.url': 'here' },
    inject: ['pack/shims/group-by.js', 'pack/shims/here.js'],
  });
}

/** Parts that a command does not use are in files of their own, which it does not load. */
function commandLine() {
  return build({
    ...common,
    entryPoints: { sealpost: 'bin/sealpost.ts' },
    outdir: join(TO, 'bin'),
    format: 'esm',
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    define: { ...common.define, 'import.meta.main': 'true' },
    inject: ['pack/shims/group-by.js'],
    banner: {
      js: "import{createRequire as sealpostRequire}from'node:module';const require=sealpostRequire(import.meta.url);",
    },
    plugins: [installers],
  });
}

/** lib/ finds these by their place beside it. */
function copyFiles(): void {
  for (const machine of ['secure-domain', 'register-server', 'deliver-to-server'])
    cpSync(join(CHECKOUT, `statemachines/${machine}.asl.json`), join(TO, `statemachines/${machine}.asl.json`));
  cpSync(join(CHECKOUT, 'install/document.json'), join(TO, 'install/document.json'));
  for (const step of functionNames)
    cpSync(join(CHECKOUT, 'dist', kebab(step)), join(TO, 'dist', kebab(step)), { recursive: true });
}

/** As `sha256sum` writes them, so that anybody can compare a release with a build of their own. */
function sums(): string {
  const programs = globSync('{bin,lib,dist,statemachines,install}/**/*.{js,json}', { cwd: TO }).sort();
  const sum = (path: string) =>
    createHash('sha256')
      .update(readFileSync(join(TO, path)))
      .digest('hex');
  return programs.map(path => `${sum(path)}  ${path}\n`).join('');
}

const json = (path: string, content: object) => writeFileSync(join(TO, path), `${JSON.stringify(content, null, 2)}\n`);

rmSync(TO, { recursive: true, force: true });
mkdirSync(join(TO, 'lib'), { recursive: true });
const { inputs } = bundled(functionNames);
copyFiles();
const [lib, bin] = await Promise.all([construct(), commandLine()]);
// bin/sealpost.ts reads its version one folder above.
json('package.json', { name, version, type: 'module' });
json('lib/package.json', { type: 'commonjs' });
declarations({ from: 'lib/sealpost.ts', to: TO, checkout: CHECKOUT });
const used = (metafile: Metafile) => Object.keys(metafile.inputs);
writeFileSync(join(TO, 'NOTICES'), notices([...inputs, ...used(lib.metafile), ...used(bin.metafile)], CHECKOUT));
writeFileSync(join(TO, 'SHA256SUMS'), sums());
exchangeManifest();

/**
 * package.json as the package has it. The one of the repository also lists what a developer needs:
 * all that is in the programs already, and a Node of 60 MB. npm has no other file to pack, so this
 * one is in its place from `prepack` to `postpack`.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CHECKOUT = join(import.meta.dirname, '..');
const MANIFEST = join(CHECKOUT, 'package.json');
/** The repository's own, meanwhile. */
const KEPT = join(CHECKOUT, 'dist/package.json.kept');

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

/** `postpack` puts the repository's own back. */
export function exchangeManifest(): void {
  const whole = read(MANIFEST);
  const { name, version, description, private: isPrivate, type, license, engines, bin, files } = whole;
  const entry = { types: './dist/package/lib/sealpost.d.ts', default: './dist/package/lib/sealpost.js' };
  const peers = ['aws-cdk-lib', 'constructs'].map(peer => [peer, `^${whole.devDependencies[peer]}`]);
  const published = {
    ...{ name, version, description, private: isPrivate, type, license, engines, bin, files },
    ...{ main: entry.default, types: entry.types, exports: { '.': entry, './package.json': './package.json' } },
    peerDependencies: Object.fromEntries(peers),
  };
  renameSync(MANIFEST, KEPT);
  writeFileSync(MANIFEST, `${JSON.stringify(published, null, 2)}\n`);
}

if (import.meta.main && process.argv[2] === 'restore' && existsSync(KEPT)) renameSync(KEPT, MANIFEST);

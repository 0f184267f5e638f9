/**
 * A folder of `packages/` stands on its own: its package.json names what the folder needs and what
 * others may use.
 */
import { describe, expect, test } from 'vitest';
import { files, importsOf, json, under, type Import } from './sources.ts';

const folders = files.filter(path => /^packages\/[^/]+\/package\.json$/.test(path)).map(path => path.slice(0, -13));
const show = ({ file, of }: Import) => `${file} → ${of}`;
const packageOf = (name: string) => name.split('/', name.startsWith('@') ? 2 : 1).join('/');

test('every folder of packages/ has a package.json and a page of its own', () => {
  const inside = new Set(files.flatMap(path => /^packages\/[^/]+/.exec(path)?.[0] ?? []));
  expect([...inside].filter(folder => !folders.includes(folder))).toEqual([]);
  expect(folders.filter(folder => !files.includes(`${folder}/README.md`))).toEqual([]);
  expect(folders.length).toBeGreaterThan(0);
});

describe.each(folders)('%s', folder => {
  const { dependencies, devDependencies, exports } = json(`${folder}/package.json`);
  const imports = under('packages')
    .filter(file => file.startsWith(`${folder}/`))
    .flatMap(importsOf)
    .filter(({ of }) => !of.startsWith('node:'));

  test('imports its own files and the packages that it names', () => {
    const known = (file: string) => ({ ...dependencies, ...(file.startsWith(`${folder}/test/`) && devDependencies) });
    const foreign = imports.filter(
      ({ file, of }) => !of.startsWith(`${folder}/`) && !Object.hasOwn(known(file), packageOf(of)),
    );
    expect(foreign.map(show)).toEqual([]);
    const used = new Set(imports.map(({ of }) => packageOf(of)));
    const named = Object.keys({ ...dependencies, ...devDependencies });
    expect(named.filter(name => !used.has(name))).toEqual([]);
  });

  test('names each package in the version that the root installs', () => {
    const root = json('package.json');
    const installed = { ...root.dependencies, ...root.devDependencies };
    const versions = Object.entries({ ...dependencies, ...devDependencies });
    expect(versions.filter(([name, version]) => installed[name] !== version)).toEqual([]);
  });

  test('is entered by what its package.json exports, and by nothing else', () => {
    const entries = Object.values<string>(exports).map(path => path.replace('./', `${folder}/`));
    const isEntry = (path: string) =>
      entries.some(entry => {
        const [before, after = ''] = entry.split('*') as [string, string?];
        if (!entry.includes('*')) return path === entry;
        return path.startsWith(before) && path.endsWith(after) && !path.slice(before.length).includes('/');
      });
    const entering = files
      .filter(file => /\.(ts|mjs)$/.test(file) && !file.startsWith(`${folder}/`))
      .flatMap(importsOf)
      .filter(({ of }) => of.startsWith(`${folder}/`));
    expect(entering.filter(({ of }) => !isEntry(of)).map(show)).toEqual([]);
    expect(entering.length).toBeGreaterThan(0);
  });
});

/** The functions' code as the package has it. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bundle } from './deployed-functions.ts';
import { functionNames, kebab } from './function-names.ts';

/**
 * lib/bundles.ts wrote the folders when the package was built.
 * @throws Error if a folder is not there
 */
export function prebuilt(): Record<string, Bundle> {
  const folders = functionNames.map(name => {
    const directory = fileURLToPath(new URL(`../dist/${kebab(name)}`, import.meta.url));
    if (!existsSync(directory)) throw new Error(`the code of ${name} is not in ${directory}; install sealpost again`);
    return [name, { directory }];
  });
  return Object.fromEntries(folders);
}

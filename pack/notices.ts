/** The licences of the packages whose code is in ours: they ask to be named. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param inputs files as esbuild names them
 * @throws Error if a package has no text of a licence and names none
 */
export function notices(inputs: string[], checkout: string): string {
  const folders = new Set(inputs.flatMap(input => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  const each = [...folders].sort().map(folder => {
    const directory = join(checkout, folder);
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const file = readdirSync(directory).find(entry => /^licen[cs]e(\.\w+)?$/i.test(entry));
    if (!file && !license) throw new Error(`${folder} has no licence`);
    return {
      name: `${name} ${version} (${license})`,
      text: file ? readFileSync(join(directory, file), 'utf8').trim() : '',
    };
  });
  const byText = Map.groupBy(each, ({ text }) => text);
  const parts = [...byText].map(([text, of]) => `${of.map(({ name }) => name).join('\n')}\n\n${text}`);
  return `The package has code of these packages.\n\n${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

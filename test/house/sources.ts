/** The files of the checkout as git knows them, and what each imports. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export const checkout = join(import.meta.dirname, '../..');

/** Paths from the checkout: what is tracked, and what would be with the next `git add`. */
export const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: checkout,
  encoding: 'utf8',
})
  .split('\0')
  .filter(path => path !== '' && existsSync(join(checkout, path)));

export const read = (path: string) => readFileSync(join(checkout, path), 'utf8');
export const json = (path: string) => JSON.parse(read(path));

export const under = (...folders: string[]) =>
  files.filter(path => path.endsWith('.ts') && folders.includes(path.split('/')[0]!));

export interface Import {
  file: string;
  /** A path from the checkout for our own files, else the package's name. */
  of: string;
  typesOnly: boolean;
}

/** @returns static imports, re-exports and `import()` with a literal */
export function importsOf(file: string): Import[] {
  const statement =
    /^\s*(?:import|export)\s(?<what>[^;'"]*?)from\s*['"](?<from>[^'"]+)['"]|import\(\s*['"](?<late>[^'"]+)|^import\s*['"](?<bare>[^'"]+)/gm;
  return [...read(file).matchAll(statement)].map(({ groups }) => {
    const from = (groups!['from'] ?? groups!['late'] ?? groups!['bare'])!;
    return {
      file,
      of: from.startsWith('.') ? posix.join(posix.dirname(file), from) : from,
      typesOnly: /^type\s/.test(groups!['what'] ?? ''),
    };
  });
}

/** Folders and files without their comments: a word in a comment breaks no rule. */
export const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

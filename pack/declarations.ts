/** The types of the construct: what the compiler writes, in files that a type leads to. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** @param given.from the entry @param given.to the folder that has its `lib/` */
export function declarations({ from, to, checkout }: { from: string; to: string; checkout: string }): void {
  mkdirSync(join(checkout, 'dist'), { recursive: true });
  const written = mkdtempSync(join(checkout, 'dist/types-'));
  const options = {
    extends: join(checkout, 'tsconfig.json'),
    compilerOptions: {
      ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, stripInternal: true },
      ...{ rootDir: checkout, outDir: join(written, 'out') },
    },
    files: [join(checkout, from)],
    include: [],
  };
  writeFileSync(join(written, 'tsconfig.json'), JSON.stringify(options));
  const compiler = join(checkout, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '--project', join(written, 'tsconfig.json')], { stdio: 'inherit' });
  copy(from.replace(/\.ts$/, '.d.ts'), { from: join(written, 'out'), to, copied: new Set() });
  rmSync(written, { recursive: true });
}

/** Copies a file, and all that it imports. The names get the form that every resolution reads. */
function copy(file: string, at: { from: string; to: string; copied: Set<string> }): void {
  if (at.copied.has(file)) return;
  at.copied.add(file);
  const text = readFileSync(join(at.from, file), 'utf8');
  const relative = /(from |import\()(['"])(\.[^'"]+)\.ts\2/g;
  mkdirSync(join(at.to, dirname(file)), { recursive: true });
  writeFileSync(join(at.to, file), text.replace(relative, '$1$2$3.js$2'));
  for (const [, , , path] of text.matchAll(relative)) copy(posix.join(posix.dirname(file), `${path}.d.ts`), at);
}

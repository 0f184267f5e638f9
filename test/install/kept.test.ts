/**
 * What undo gives back of a daemon's own file, byte for byte, also after a person has edited it.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const parts = join(import.meta.dirname, '../../install/parts/kept.sh');
let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-kept-'));
  for (const name of ['adoption', 'run', 'etc']) mkdirSync(join(directory, name));
  file = join(directory, 'etc/main.cf');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The part reads `adoption` and `run`; the installer's own `umask` is 077. */
function sh(script: string): string {
  const head = `set -eu; umask 077; adoption=${directory}/adoption; run=${directory}/run; . ${parts}`;
  return execFileSync('sh', ['-c', `${head}; ${script}`], { encoding: 'utf8' });
}

const text = () => readFileSync(file, 'utf8');
const before = '# by hand\nkey   =\told   # aligned\nother = 1\n\nlast = without newline';

function adopted(from: string | undefined, to: string): void {
  if (from !== undefined) {
    writeFileSync(file, from);
    chmodSync(file, 0o640);
  }
  writeFileSync(join(directory, 'run/new'), to);
  sh(`keep x ${file}; rewrite x ${file} $run/new`);
  expect(text()).toBe(to);
}

/** `before` as adoption writes it: a line replaced, a line taken out, a line added at the end. */
const ours = '# by hand\nkey = ours\n\nlast = without newline\nadded = ours\n';

describe('undo of a file that adoption wrote', () => {
  test('gives back every byte, owner and mode, and says nothing', () => {
    adopted(before, ours);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(sh('give_back x')).toBe('');
    expect(text()).toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(directory, 'etc'))).toEqual(['main.cf']);
    expect(existsSync(join(directory, 'adoption/x.kept'))).toBe(false);
  });

  test('removes a file that was not there, and leaves it out of the names that a daemon includes', () => {
    adopted(undefined, 'all = ours\n');
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(sh('give_back x')).toBe('');
    expect(existsSync(file)).toBe(false);
  });

  test('writes through a link, which stays', () => {
    const link = join(directory, 'link.cf');
    symlinkSync(file, link);
    writeFileSync(file, before);
    writeFileSync(join(directory, 'run/new'), ours);
    sh(`keep x ${link}; rewrite x ${link} $run/new`);
    expect(text()).toBe(ours);
    expect(sh('give_back x')).toBe('');
    expect(text()).toBe(before);
    expect(readdirSync(directory)).toContain('link.cf');
  });

  test.each([
    [
      'a line before ours',
      ours.replace('# by hand\n', '# by hand\nhis = 1\n'),
      before.replace('# by hand\n', '# by hand\nhis = 1\n'),
    ],
    ['a line at the end', `${ours}his = 1\n`, `${before}\nhis = 1\n`],
    [
      'a line right after ours',
      ours.replace('ours\n', 'ours\nhis = 1\n'),
      before.replace('other = 1\n', 'other = 1\nhis = 1\n'),
    ],
    [
      'a line of ours changed: it is his now',
      ours.replace('key = ours', 'key = his'),
      before.replace(/key .*\nother = 1/, 'key = his'),
    ],
    ['a line of ours taken out: it does not return', ours.replace('added = ours\n', ''), before],
    ['a line of his taken out', ours.replace('# by hand\n', ''), before.replace('# by hand\n', '')],
    ['everything replaced', 'new = 1\n', 'new = 1\n'],
  ])('keeps what a person did since, and says so: %s', (_, now, after) => {
    adopted(before, ours);
    writeFileSync(file, now);
    expect(sh('give_back x')).toBe(`kept ${file}: what was changed in it after adoption stays\n`);
    expect(text().trimEnd()).toBe(after.trimEnd());
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  test('keeps a person’s lines in a file that was not there', () => {
    adopted(undefined, 'all = ours\n');
    writeFileSync(file, 'all = ours\nhis = 1\n');
    expect(sh('give_back x')).toContain(`kept ${file}: `);
    expect(text()).toBe('his = 1\n');
  });

  test('a line in a file of which adoption left nothing stays, and what adoption took out returns', () => {
    adopted('old = 1\n', '');
    writeFileSync(file, 'theirs = 1\n');
    expect(sh('give_back x')).toContain(`kept ${file}: `);
    expect(text().split('\n').sort()).toEqual(['', 'old = 1', 'theirs = 1']);
  });

  test('does not bring back a file that a person has removed, and says so', () => {
    adopted(before, ours);
    rmSync(file);
    expect(sh('give_back x')).toBe(`kept ${file}: it was removed after adoption, and is not brought back\n`);
    expect(existsSync(file)).toBe(false);
  });

  test('tells files apart whose names look alike to a pattern', () => {
    const [dot, other] = [join(directory, 'etc/a.b'), join(directory, 'etc/axb')];
    for (const path of [dot, other]) writeFileSync(path, path);
    writeFileSync(join(directory, 'run/new'), ours);
    sh(`for f in ${other} ${dot}; do keep x $f; rewrite x $f $run/new; done`);
    expect(sh('give_back x')).toBe('');
    expect([dot, other].map(path => readFileSync(path, 'utf8'))).toEqual([dot, other]);
  });

  test('does nothing where the writing never began, and may be repeated', () => {
    writeFileSync(file, before);
    sh(`keep x ${file}; keep x ${file}`);
    expect(sh('give_back x; give_back x')).toBe('');
    expect(text()).toBe(before);
  });

  test('killed between note and writing: the file is as it was', () => {
    adopted(before, ours);
    writeFileSync(file, before);
    expect(sh('give_back x')).toBe('');
    expect(text()).toBe(before);
  });
});

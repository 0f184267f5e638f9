import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble, installer } from '../../install/assemble.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealpost-assemble-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'installer.sh');
writeFileSync(file, installer().text);

describe('the installer', () => {
  it('is one file: nothing of it is read from beside it', () => {
    expect(installer().text).not.toMatch(/^\. \.\//m);
    expect(installer().text).toContain('postfix_apply() {');
  });

  it('is known by the hash of exactly the text that is delivered', () => {
    const { text, sha256 } = installer();
    expect(sha256).toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('leaves out the comments of the parts, and what looks like one stays', () => {
    const files: Record<string, string> = {
      'installer.sh': '#!/bin/sh\n# usage\n. ./a.sh\n',
      'a.sh': '# why\n# shellcheck disable=SC1\necho "#x" # y\n  # why\n',
    };
    expect(assemble('installer.sh', path => files[path]!).text).toBe(
      '#!/bin/sh\n# usage\n\n# shellcheck disable=SC1\necho "#x" # y\n\n',
    );
  });

  it('says so when a part includes another part', () => {
    const files: Record<string, string> = { 'installer.sh': '. ./a.sh\n', 'a.sh': '. ./b.sh\n' };
    expect(() => assemble('installer.sh', path => files[path]!)).toThrow('a.sh includes another part');
  });

  it('defines each function once: of two, the shell takes the later one without a word', () => {
    const defined = [...installer().text.matchAll(/^(\w+)\(\)/gm)].map(([, name]) => name!);
    expect(defined.filter((name, i) => defined.indexOf(name) !== i)).toEqual([]);
  });

  it('is POSIX sh that dash reads', () => {
    expect(spawnSync('dash', ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('allows no core dump of what it starts, whatever was allowed before', () => {
    const head = installer().text.split('\nhome=')[0]!;
    for (const shell of ['dash', 'bash']) {
      const asked = ['-c', `ulimit -c 1000; ulimit -c; exec ${shell} -c "$1"`, shell, `${head}\nsh -c 'ulimit -c'`];
      expect(spawnSync(shell, asked, { encoding: 'utf8' })).toMatchObject({ stdout: '1000\n0\n', stderr: '' });
    }
  });

  const shellcheck = spawnSync('shellcheck', ['--version']).status === 0;
  it.skipIf(!shellcheck)('is clean to shellcheck', () => {
    expect(spawnSync('shellcheck', ['-s', 'sh', file], { encoding: 'utf8' }).stdout).toBe('');
  });
});

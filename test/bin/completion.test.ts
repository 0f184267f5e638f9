/** The Tab key, pressed in a real bash and a real zsh. */
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../bin/commands.ts';
import { unpacked } from '../../local/tools/unpacked.ts';

const SEALPOST = join(import.meta.dirname, '../../bin/sealpost.mjs');
const common = ['--json', '--quiet', '--stack', '--region', '--profile'];
let folder: string;
let scripts: { bash: string; zsh: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-completion-'));
  writeFileSync(join(folder, 'domains of may.csv'), '');
  writeFileSync(join(folder, 'domains.csv'), '');
  const print = (line: string) =>
    execFileSync(process.execPath, [SEALPOST, ...line.split(' ').slice(1)], { encoding: 'utf8' });
  scripts = { bash: print('sealpost completion bash'), zsh: print('sealpost completion zsh') };
  writeFileSync(join(folder, 'script.bash'), scripts.bash);
  writeFileSync(join(folder, 'script.zsh'), scripts.zsh);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bash', () => {
  /** Calls the function that bash would call, with the words as bash splits them. */
  async function tab(...words: string[]): Promise<string[]> {
    const call = `
      source ./script.bash
      source ./script.bash
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      function_of=$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
      $function_of
      ((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ['--norc', '-c', call, 'bash', ...words];
    const { stdout, stderr } = await promisify(execFile)('bash', args, { cwd: folder });
    expect(stderr).toBe('');
    return stdout.split('\n').filter(line => line !== '');
  }

  test('completes commands, options and values', async () => {
    expect(await tab('sealpost', '')).toEqual([...Object.keys(commands), 'help', ...common]);
    expect(await tab('sealpost', 'st')).toEqual(['status']);
    expect(await tab('sealpost', 'help', 'se')).toEqual(['settings']);
    expect(await tab('sealpost', 'dns', 'example.com', '--')).toEqual(['--names', ...common]);
    expect(await tab('sealpost', 'dns', 'example.com', '--json', '--j')).toEqual([]);
    expect(await tab('sealpost', 'watch', '--j')).toEqual([]);
    expect(await tab('sealpost', 'provide', 'example.com', '--for', '')).toEqual(['mail', 'webmail', 'both']);
    expect(await tab('sealpost', 'provide', 'example.com', '--for', 'w')).toEqual(['webmail']);
    expect(await tab('sealpost', 'completion', 'z')).toEqual(['zsh']);
  });

  test('completes behind options of every command', async () => {
    expect(await tab('sealpost', '--stack', 'other', 'au')).toEqual(['audit']);
    expect(await tab('sealpost', '--json', '--reg')).toEqual(['--region']);
    expect(await tab('sealpost', 'renew', '--s')).toEqual(['--server', '--stack']);
  });

  test('completes the names of files where a file is wanted, and nowhere else', async () => {
    expect((await tab('sealpost', 'import', 'dom')).sort()).toEqual(['domains of may.csv', 'domains.csv']);
    expect(await tab('sealpost', 'provide', 'example.com', '--pem', 'script.b')).toEqual(['script.bash']);
    expect(await tab('sealpost', 'status', 'dom')).toEqual([]);
  });

  test('runs nothing of what is typed', async () => {
    expect(await tab('sealpost', 'status', '$(touch ran)', '--j')).toEqual(['--json']);
    expect(await tab('sealpost', 'import', '$(touch ran)')).toEqual([]);
    expect(globSync('ran', { cwd: folder })).toEqual([]);
  });
});

describe('zsh', () => {
  let zsh: string;
  beforeAll(async () => void (zsh = await unpacked(['zsh'], console.log)));

  /** What stands on the line after Tab was pressed, on a terminal of zsh's own. */
  async function tab(line: string): Promise<string> {
    const [modules] = globSync(join(zsh, 'usr/lib/*/zsh/*'));
    const functions = globSync(join(zsh, 'usr/share/zsh/functions/{*,*/*}/'));
    // Unpacked, and not installed: a zsh has to be told where its modules and functions are.
    const found = `module_path=(${modules}); fpath=(${functions.join(' ')}); zmodload zsh/zle zsh/complete`;
    const typed = [
      `${found}; setopt zle; autoload -Uz compinit && compinit -u -D; source ./script.zsh`,
      'seen() { print -r -- "[line:$BUFFER]"; exit }; zle -N seen; bindkey "^X" seen; print is-"ready"',
    ];
    const drive = `
      module_path=(${modules})
      zmodload zsh/zpty
      zpty shell ${join(zsh, 'bin/zsh')} -f
      ${typed.map(text => `zpty -w shell '${text}'`).join('\n')}
      zpty -r shell heard '*is-ready*'
      zpty -n -w shell $1$'\t\x18'
      zpty -r shell heard '*\\[line:*\\]*'
      print -r -- $heard`;
    const environment = { PATH: process.env.PATH, TERM: 'dumb', HOME: folder };
    const program = promisify(execFile)(join(zsh, 'bin/zsh'), ['-f', '-c', drive, 'zsh', line], {
      ...{ cwd: folder, env: environment, timeout: 30_000 },
    });
    return /\[line:(.*?)\]/.exec((await program).stdout)![1]!;
  }

  test.each([
    ['sealpost stat', 'sealpost status '],
    ['sealpost provide example.com --for web', 'sealpost provide example.com --for webmail '],
    ['sealpost import script.b', 'sealpost import script.bash '],
    ['sealpost --stack other au', 'sealpost --stack other audit '],
  ])('completes %s', async (typed, completed) => {
    expect(await tab(typed)).toBe(completed);
  });
});

/** An answer has room for 24,000 characters: a longer plan says that it goes on. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const part = join(import.meta.dirname, '../../install/parts/inspect.sh');
const fitting = (plans: string) => execFileSync('sh', ['-c', `. ${part}; fitting`], { input: plans, encoding: 'utf8' });

test('a plan that fits is whole', () => {
  const plan = 'fact plan postfix /etc/postfix/main.cf:3 + a = b\nfact plan postfix costs one reload\n';
  expect(fitting(plan)).toBe(plan);
});

test('of a longer one there is a part, and the number of lines that are missing, of each daemon', () => {
  const lines = (daemon: string) =>
    Array.from({ length: 300 }, (_, i) => `fact plan ${daemon} /etc/x:${i} + ${'y'.repeat(40)}\n`);
  const said = fitting([...lines('postfix'), ...lines('nginx')].join(''));
  expect(said.length).toBeLessThan(12_400);
  const kept = said.split('\n').filter(line => line.includes(' + ')).length;
  expect(said).toContain(`\nfact plan postfix and ${300 - kept} more lines: sh installer.sh inspect prints them`);
  expect(said).toContain('\nfact plan nginx and 300 more lines: ');
});

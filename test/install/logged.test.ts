/** What a daemon has logged since a moment, without a host. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const install = join(import.meta.dirname, '../../install');
const scratch = mkdtempSync(join(tmpdir(), 'sealpost-logged-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const write = (name: string, lines: string[]) => writeFileSync(join(scratch, name), lines.join('\n') + '\n');
const sh = (script: string) => {
  const parts = `. ${install}/parts/adapter.sh; . ${install}/parts/logged.sh; . ${install}/adapters/apache.sh`;
  const environment = { ...process.env, TZ: 'UTC', LC_ALL: 'C' };
  return spawnSync('sh', ['-euc', `home=${scratch}; ${parts}; ${script}`], { encoding: 'utf8', env: environment })
    .stdout;
};
const moment = Date.UTC(2026, 11, 1, 10, 20, 30) / 1000;

test.each([
  ['2026-12-01T10:20:29 old', '2026-12-01T10:20:31 new'],
  ['2026/12/01 10:20:29 old', '2026/12/01 10:20:31 new'],
  ['[Tue Dec 01 10:20:29.123456 2026] old', '[Tue Dec 01 10:20:31.000001 2026] new'],
  ['[Mon Nov 30 23:20:31 2026] old', '[Tue Dec 01 10:20:31 2026] new'],
])('%s is before the moment, and what follows is not', (old, late) => {
  write('log', [old, ' goes on', late, ' goes on, too']);
  expect(sh(`lines_since ${moment} ${scratch}/log`)).toBe(`${late}\n goes on, too\n`);
});

test('what ends Apache is found in the main log and in the log of a virtual host', () => {
  const at = '[Tue Dec 01 10:20:31.000001 2026]';
  write('error.log', [
    '[Tue Dec 01 10:20:29.123456 2026] [ssl:emerg] [pid 1] AH02565: of before',
    `${at} [mpm_event:notice] [pid 1] AH00493: SIGUSR1 received`,
    `${at} [ssl:error] [pid 2] AH02033: a strange client`,
    `${at} [:emerg] [pid 1] AH00016: Configuration Failed`,
  ]);
  write('site.log', [`${at} [ssl:emerg] [pid 1] AH02565: Certificate and private key do not match`]);
  write('own.log', [`${at} [ssl:alert] [pid 1] of another site`]);
  write('site.conf', [
    '<VirtualHost *:443>',
    '  ErrorLog ${APACHE_LOG_DIR}/site.log',
    `\tErrorLog "${scratch}/own.log"`,
  ]);
  const apachectl = `apachectl() { case $3 in
    DUMP_RUN_CFG) echo 'Main ErrorLog: "${scratch}/error.log"' ;;
    *) echo '  (12) ${scratch}/site.conf' ;; esac; }`;
  expect(sh(`${apachectl}; run=${scratch}; apache_log ${moment}`)).toBe('');
  const said = sh(`${apachectl}; run=${scratch}; : >$run/apache.reloaded; apache_log ${moment}`)
    .trim()
    .split('\n')
    .map(line => line.slice(at.length + 1));
  expect(said.sort()).toEqual([
    '[:emerg] [pid 1] AH00016: Configuration Failed',
    '[ssl:alert] [pid 1] of another site',
    '[ssl:emerg] [pid 1] AH02565: Certificate and private key do not match',
  ]);
});

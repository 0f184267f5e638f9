import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { directory, environment, local, providerPid } from './visitor.ts';

/** The command lines of all processes of this machine that name the provider's folder. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap(pid => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return []; // the process has ended meanwhile
      }
    })
    .filter(command => command.includes(directory));
}

/** True if this machine has its end of the test host's link: the address before the host's. */
function linkTo(host: string): boolean {
  const gateway = host.replace(/\d+$/, last => String(Number(last) - 1));
  return Object.values(networkInterfaces()).some(link => link?.some(({ address }) => address === gateway));
}

export function leavesNothingSuite(): void {
  test('a killed provider leaves only its CA; down removes the CA and the directory', async () => {
    const { SEALPOST_HOST_MX1: host } = await environment();
    expect(linkTo(host!)).toBe(true);
    process.kill(providerPid(), 'SIGKILL');
    await expect.poll(() => linkTo(host!), { timeout: 10_000 }).toBe(false);
    // The kernel ends the functions' processes a moment after the provider.
    await expect.poll(() => processes().filter(command => !/pebble/.test(command)), { timeout: 10_000 }).toEqual([]);
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(directory);
    const killed = await local('status');
    expect(killed).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('its CA still runs') });

    expect((await local('down')).exitCode).toBe(0);
    expect(existsSync(directory)).toBe(false);
    const { exitCode, stdout } = await local('status');
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('is not up') });
    expect((await local('env')).exitCode).toBe(1);
  }, 60_000);
}

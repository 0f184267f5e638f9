/** Judges of TLS that others wrote, for the addresses that `env` prints: Debian's, the machine's own or unpacked into the cache. */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { unpacked, type Tool } from './unpacked.ts';

/** Some 2 MB, with the `dig` that it wants. Give it `--ip`: names are resolved by the machine, which knows none of ours. */
export async function ensureTestssl(report: (line: string) => void): Promise<Tool> {
  if (existsSync('/usr/bin/testssl')) return { command: ['/usr/bin/testssl'], environment: {} };
  const folder = await unpacked(['testssl.sh'], report);
  return {
    command: ['bash', join(folder, 'usr/bin/testssl')],
    environment: {
      TESTSSL_INSTALL_DIR: join(folder, 'etc/testssl'),
      PATH: `${process.env.PATH}:${join(folder, 'usr/bin')}`,
      LD_LIBRARY_PATH: globSync(join(folder, 'usr/lib/*-linux-gnu')).join(':'),
    },
  };
}

/** Under 1 MB. Perl's Net::SSLeay, a recommendation of the package, is what makes it speak TLS. */
export async function ensureSwaks(report: (line: string) => void): Promise<Tool> {
  if (existsSync('/usr/bin/swaks')) return { command: ['/usr/bin/swaks'], environment: {} };
  const folder = await unpacked(['swaks', 'libnet-ssleay-perl'], report);
  return {
    command: ['perl', join(folder, 'usr/bin/swaks')],
    environment: { PERL5LIB: globSync(join(folder, 'usr/lib/*-linux-gnu/perl5/*')).join(':') },
  };
}

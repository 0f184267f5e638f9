/**
 * Judges of TLS that others wrote, for the addresses that `env` prints: the machine's own, or
 * Debian's, unpacked into the cache.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../machine/program.ts';
import { unpacked, type Tool } from './unpacked.ts';

/**
 * Some 2 MB, including `dig`. Pass `--ip` to testssl.sh: it resolves names with the machine's
 * resolver, which knows none of ours.
 */
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

export interface TlsQuestion {
  name: string;
  address: string;
  port: number;
  starttls?: 'smtp' | 'imap' | 'pop3';
  /** PEM file of the roots to trust beside testssl.sh's own. */
  caFile: string;
  /** The path of its report. */
  directory: string;
}

/**
 * testssl.sh's verdicts by their ids, `OK: passed.`. Only its section on certificates runs, because
 * the whole takes many minutes for each port.
 * @throws Error with its output if it gave no verdict on trust
 */
export async function testsslVerdicts(testssl: Tool, question: TlsQuestion): Promise<Record<string, string>> {
  const { name, address, port, starttls, caFile, directory } = question;
  const file = join(directory, `testssl-${port}.json`);
  const how = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'min', '--ssl-native', '--server-defaults'];
  const what = ['--add-ca', caFile, '--ip', address, '--jsonfile', file, ...(starttls ? ['--starttls', starttls] : [])];
  const { stdout } = await runProgram([...testssl.command, ...how, ...what, `${name}:${port}`], {
    environment: { ...process.env, ...testssl.environment } as Record<string, string>,
  });
  const findings = JSON.parse(readFileSync(file, 'utf8')) as { id: string; severity: string; finding: string }[];
  if (!findings.some(({ id }) => id === 'cert_trust')) throw new Error(`testssl.sh came to no verdict: ${stdout}`);
  return Object.fromEntries(findings.map(({ id, severity, finding }) => [id, `${severity}: ${finding}`]));
}

/** Under 1 MB. swaks needs Perl's Net::SSLeay, which its package only recommends, for TLS. */
export async function ensureSwaks(report: (line: string) => void): Promise<Tool> {
  if (existsSync('/usr/bin/swaks')) return { command: ['/usr/bin/swaks'], environment: {} };
  const folder = await unpacked(['swaks', 'libnet-ssleay-perl'], report);
  return {
    command: ['perl', join(folder, 'usr/bin/swaks')],
    environment: { PERL5LIB: globSync(join(folder, 'usr/lib/*-linux-gnu/perl5/*')).join(':') },
  };
}

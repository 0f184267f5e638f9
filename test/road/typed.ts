/** `sealpost` as an operator types it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { road } from './provider.ts';

export interface Typed {
  /** Absent if the program was killed. */
  code?: number;
  output: string;
}

const PROGRAM = join(import.meta.dirname, '../../bin/sealpost.mjs');

/**
 * @param line as in the README: `sealpost …`
 * @param cwd the folder of the files that the line names
 */
export function type(line: string, cwd?: string): Promise<Typed> {
  return begin(line, { cwd }).ended;
}

/**
 * Starts the program in a process group of its own, so that it is killed with what it has started.
 * @param endpoint another address of the provider
 * @param terminal true if the program finds a terminal of 80 columns at its output
 */
export function begin(
  line: string,
  { cwd, endpoint, terminal = false }: { cwd?: string; endpoint?: string; terminal?: boolean } = {},
): { ended: Promise<Typed>; kill: () => void } {
  const access = road.provider.client();
  const { accessKeyId, secretAccessKey } = access.credentials as { accessKeyId: string; secretAccessKey: string };
  const env = {
    ...{ PATH: process.env.PATH, HOME: tmpdir(), AWS_REGION: String(access.region), TERM: 'xterm' },
    ...{ AWS_ENDPOINT_URL: endpoint ?? String(access.endpoint) },
    ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  };
  const [name, ...args] = line.split(' ');
  if (name !== 'sealpost') throw new Error(`${line} is no command line of sealpost`);
  const command = [process.execPath, PROGRAM, ...args];
  const quoted = command.map(word => `'${word}'`).join(' ');
  const [program, ...rest] = terminal ? ['script', '-qec', `stty columns 80; ${quoted}`, '/dev/null'] : command;
  const child = spawn(program!, rest, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  return { ended: end(child), kill: () => process.kill(-child.pid!, 'SIGKILL') };
}

function end(child: ChildProcess): Promise<Typed> {
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve({ ...(code !== null && { code }), output }));
  });
}

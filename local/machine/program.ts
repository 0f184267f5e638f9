/**
 * Runs a program of this machine: the local provider's own tools (apt, ip, openssl), never a
 * program inside a host.
 */
import { spawn } from 'node:child_process';

export interface ProgramResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  timedOut?: boolean;
}

export interface ProgramOptions {
  input?: string | Uint8Array;
  environment?: Record<string, string>;
  /** No limit by default. When the time is over, the program's whole process group is killed. */
  timeoutMs?: number;
  /** Called with each line of output as it is written. */
  onLine?: (line: string) => void;
}

/**
 * A daemon may inherit our pipes and keep them open. Only the output until the program's own exit
 * is waited for.
 */
const PIPE_GRACE_MS = 500;

/**
 * Does not throw for an exit code. A signal n is exit code 128 + n, as in a shell.
 * @throws Error if the program cannot be started
 */
export function runProgram(command: string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  const [file, ...args] = command as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { detached: true, env: options.environment ?? process.env, stdio: 'pipe' });
    const collected = { stdout: '', stderr: '' };
    let timedOut = false;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        collected[stream] += text;
        if (options.onLine) for (const line of text.split('\n')) if (line.trim()) options.onLine(line.trimEnd());
      });
    }
    child.stdin.on('error', () => {}); // EPIPE: the program ended without reading its input
    child.stdin.end(options.input ?? '');
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            if (child.pid) process.kill(-child.pid, 'SIGKILL');
          }, options.timeoutMs);
    let grace: NodeJS.Timeout | undefined;
    child.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('exit', () => {
      clearTimeout(timer);
      grace = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, PIPE_GRACE_MS);
    });
    child.on('close', (code, signal) => {
      clearTimeout(grace);
      resolve({ exitCode: code ?? 128 + (SIGNALS[signal!] ?? 0), ...collected, ...(timedOut ? { timedOut } : {}) });
    });
  });
}

const SIGNALS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** As runProgram, but an exit code other than 0 throws with the last output of the program. */
export async function mustRun(command: string[], options: ProgramOptions = {}): Promise<string> {
  const result = await runProgram(command, options);
  if (result.exitCode !== 0) {
    const why = result.timedOut ? `took longer than ${options.timeoutMs} ms` : `exit code ${result.exitCode}`;
    throw new Error(
      `${command.join(' ').slice(0, 200)}: ${why}: ${(result.stderr || result.stdout).trim().slice(-1000)}`,
    );
  }
  return result.stdout;
}

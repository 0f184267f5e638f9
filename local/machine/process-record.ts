/**
 * Processes that outlive the process that started them. A file records their id and their start
 * time, because the kernel reuses ids.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Records a running process. */
export function recordProcess(file: string, pid: number): void {
  writeFileSync(file, `${pid} ${beginOf(pid) ?? ''}\n`);
}

/**
 * The id of the recorded process if it runs; undefined if it has ended, even if another process has
 * its id now.
 */
export function recordedProcess(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const [pid = '', begin] = readFileSync(file, 'utf8').trim().split(' ');
  return begin && beginOf(Number(pid)) === begin ? Number(pid) : undefined;
}

/**
 * Sends a signal, waits for the end, and kills after `graceMs`. Returns when the process has ended.
 */
export async function endProcess(pid: number, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  const begin = beginOf(pid);
  const runs = () => begin !== undefined && beginOf(pid) === begin;
  if (!runs()) return;
  process.kill(pid, signal);
  for (const deadline = Date.now() + graceMs; runs() && Date.now() < deadline;) await sleep(20);
  if (runs()) process.kill(pid, 'SIGKILL');
  while (runs()) await sleep(20);
}

/**
 * The start time in clock ticks since the machine's start (proc(5), field 22); undefined for a
 * process that has ended.
 */
function beginOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may contain any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

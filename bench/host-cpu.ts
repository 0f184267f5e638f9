/** What a delivery costs a mail server: processes, CPU of the installer by phase and of daemons. */
import type { Host } from '../local/hosts/host.ts';
import type { MailHost } from '../test/install/mail-host.ts';

export interface Cost {
  seconds: number;
  /** CPU seconds, user and system, of the installer with everything that it started. */
  installer: number;
  /** CPU seconds of all other processes of the server. */
  daemons: number;
  /** Processes that were started on the server, the daemons' own among them. */
  processes: number;
  /** CPU seconds and processes of the installer, by its phase. */
  phases: { phase: string; cpu: number; processes: number }[];
}

/** The installer prints `PHASE CPU PID` when a phase begins; /proc gives clock ticks of 10 ms. */
const MEASURED = `phase() {
  phase=$1
  { read -r bench_stat </proc/$$/stat; set -- $bench_stat
    sh -c 'echo "$0 $1 $$"' "$phase" $((\${14} + \${15} + \${16} + \${17})); } >>/tmp/bench-phases 2>/dev/null
}`;

/** Puts the measurement into an installer's text. */
export function measured(installer: string): string {
  const text = installer
    .replace('phase() { phase=$1; }', () => MEASURED)
    .replace('leave() {\n  status=$?\n', text => `${text}  phase end\n`);
  if (!text.includes(MEASURED) || !text.includes('phase end')) throw new Error('the installer has another phase()');
  return text;
}

/** Clock ticks of all processes of the host, and of the children that they have waited for. */
const TICKS = `awk '{ sub(/^.*\\) /, ""); ticks += $12 + $13 + $14 + $15 } END { print ticks }' /proc/[0-9]*/stat 2>/dev/null; sh -c 'echo $$'`;

async function hostNow(host: Pick<Host, 'run'>): Promise<{ ticks: number; pid: number }> {
  const [ticks, pid] = (await host.run(['sh', '-c', TICKS])).stdout.split('\n').map(Number) as [number, number];
  return { ticks, pid };
}

/** CPU seconds of all processes of the host since it runs. */
export async function cpuOfHost(host: Pick<Host, 'run'>): Promise<number> {
  return (await hostNow(host)).ticks / 100;
}

/** Runs one delivery, and says what it cost. */
export async function costOf(mail: MailHost, deliver: () => Promise<unknown>): Promise<Cost> {
  await mail.sh('rm -f /tmp/bench-phases');
  const before = await hostNow(mail.host);
  const begun = performance.now();
  await deliver();
  const seconds = (performance.now() - begun) / 1000;
  // Processes that the delivery left behind end in this time.
  await new Promise(resolve => setTimeout(resolve, 1000));
  const after = await hostNow(mail.host);
  const marks = (await mail.sh('cat /tmp/bench-phases')).split('\n').map(line => {
    const [phase = '', cpu, pid] = line.split(' ');
    return { phase, cpu: Number(cpu) / 100, pid: Number(pid) };
  });
  const phases = marks.slice(0, -1).map(({ phase, cpu, pid }, i) => ({
    phase,
    cpu: marks[i + 1]!.cpu - cpu,
    processes: marks[i + 1]!.pid - pid - 1,
  }));
  return {
    seconds,
    installer: marks.at(-1)!.cpu,
    daemons: (after.ticks - before.ticks) / 100,
    processes: after.pid - before.pid,
    phases,
  };
}

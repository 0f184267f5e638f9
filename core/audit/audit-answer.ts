/** What the audit's lines of an answer say (install/parts/audit.sh): the ports it saw, and the rows that are not as they should be. */

export interface AuditAnswer {
  /** Ports that answered TLS, and were looked at. */
  ports: number[];
  /** Ports that answered when the server was inspected, and did not now. */
  dead: number[];
  /** Daemons whose configuration does not ask for our certificates any more. */
  lost: string[];
  /** By row, from 1: the ports that did not show it as they should; `all`, where nothing could. */
  unseen: Map<number, number[] | 'all'>;
  /** The last row that was looked at; absent where the answer was cut: then what it names is so, and of the others nothing is known. */
  reached?: number;
}

/**
 * @param lines those after the answer's letters
 * @returns undefined where the host was not asked to audit, or did not come to it
 */
export function parseAudit(lines: string[]): AuditAnswer | undefined {
  const audited = /^audited (\d{1,6})$/.exec(lines.findLast(line => line !== '') ?? '');
  // A cut answer ends somewhere in a line.
  const whole = audited ? lines : lines.slice(0, -1);
  const ports = valueOf(whole, 'fact audit-ports');
  if (ports === undefined) return undefined;
  const answer: AuditAnswer = {
    ports: portsIn(ports),
    dead: portsIn(valueOf(whole, 'fact audit-dead') ?? ''),
    lost: whole.flatMap(line => /^fact audit-lost ([a-z]{1,20})$/.exec(line)?.[1] ?? []),
    unseen: new Map(),
    ...(audited && { reached: Number(audited[1]) }),
  };
  const last = new Map<string, number>();
  for (const line of whole) {
    const [, set, steps] = /^unseen (all|[\d,]+) ([\dx ]+)$/.exec(line) ?? [];
    if (set === undefined) continue;
    const value = set === 'all' ? 'all' : portsIn(set);
    for (const row of rowsIn(steps!, last.get(set) ?? 0)) {
      answer.unseen.set(row, value);
      last.set(set, row);
    }
  }
  return answer;
}

/** More rows than any delivery has: a host's mischief ends here. */
const MOST_ROWS = 100_000;

/** `3 1x2` after row 0: 3, 4 and 5. */
function* rowsIn(steps: string, after: number): Generator<number> {
  let row = after;
  for (const token of steps.split(' ')) {
    const [, step, times = '1'] = /^(\d{1,6})(?:x(\d{1,6}))?$/.exec(token) ?? [];
    if (step === undefined) return;
    for (let i = 0; i < Number(times); i++) {
      row += i === 0 ? Number(step) : 1;
      if (row > MOST_ROWS) return;
      yield row;
    }
  }
}

function valueOf(lines: string[], name: string): string | undefined {
  return lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1);
}

function portsIn(text: string): number[] {
  return text
    .split(',')
    .filter(port => /^\d{1,5}$/.test(port))
    .map(Number);
}

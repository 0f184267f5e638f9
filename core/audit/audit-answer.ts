/**
 * The audit's lines of an answer (install/parts/audit.sh): the ports that were checked, and the
 * rows that are wrong.
 */

export interface AuditAnswer {
  /** Ports that answered TLS and were checked. */
  ports: number[];
  /** Ports that answered at the inspection, and did not answer now. */
  dead: number[];
  /** By port: addresses of the server at which a row was not served, though it was at another. */
  places: Record<string, string[]>;
  /** Daemons whose configuration does not name our certificates any more. */
  lost: string[];
  /**
   * By row, counted from 1: the ports on which the row is wrong; `all` if the row was seen on none.
   */
  unseen: Map<number, number[] | 'all'>;
  /**
   * The last row that was checked. Absent if the answer was cut: the rows it names are wrong, and
   * nothing is known of the others.
   */
  reached?: number;
}

/**
 * @param lines the answer's lines after the letters
 * @returns undefined if the host was not asked to audit, or did not come to the audit
 */
export function parseAudit(lines: string[]): AuditAnswer | undefined {
  const audited = /^audited (\d{1,6})$/.exec(lines.findLast(line => line !== '') ?? '');
  // The last line of a cut answer is incomplete.
  const whole = audited ? lines : lines.slice(0, -1);
  const ports = valueOf(whole, 'fact audit-ports');
  if (ports === undefined) return undefined;
  const answer: AuditAnswer = {
    ports: portsIn(ports),
    dead: portsIn(valueOf(whole, 'fact audit-dead') ?? ''),
    places: placesIn(whole),
    lost: whole.flatMap(line => /^fact audit-lost ([a-z]{1,20})$/.exec(line)?.[1] ?? []),
    unseen: new Map(),
    ...(audited && { reached: Number(audited[1]) }),
  };
  const last = new Map<string, number>();
  let named = 0;
  for (const line of whole) {
    const [, set, steps] = /^unseen (all|[\d,]+) ([\dx ]+)$/.exec(line) ?? [];
    if (set === undefined) continue;
    const value = set === 'all' ? 'all' : portsIn(set);
    for (const row of rowsIn(steps!, last.get(set) ?? 0)) {
      if (++named > MOST_ROWS) return answer;
      answer.unseen.set(row, value);
      last.set(set, row);
    }
  }
  return answer;
}

function placesIn(lines: string[]): Record<string, string[]> {
  const places: Record<string, string[]> = {};
  for (const line of lines) {
    const [, port, address] = /^fact audit-place (\d{1,5}) ([[\]0-9a-f.:]{2,47})$/.exec(line) ?? [];
    if (port !== undefined) (places[port] ??= []).push(address!);
  }
  return places;
}

/**
 * More rows than any delivery has, in one line and in all lines together: a hostile answer of 24 kB
 * could name 100 million.
 */
const MOST_ROWS = 100_000;

/** `3 1x2` after row 0 names the rows 3, 4 and 5. */
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

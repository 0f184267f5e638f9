/** Times as a person reads them: the time in UTC, and how far the time is from now. */

const UNITS: [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** `2026-11-24 23:24 UTC` */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `in 49 d`, `3 min ago` */
export function distance({ at, now }: { at: number; now: number }): string {
  const ms = Math.abs(at - now);
  const [unit, size] = UNITS.find(([, length]) => ms >= length) ?? UNITS.at(-1)!;
  const count = `${Math.floor(ms / size)} ${unit}`;
  return at > now ? `in ${count}` : `${count} ago`;
}

/** `2026-11-24 23:24 UTC (3 min ago)` */
export function when({ at, now }: { at: number | undefined; now: number }): string {
  return at === undefined ? '-' : `${moment(at)} (${distance({ at, now })})`;
}

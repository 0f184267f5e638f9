/**
 * How far each daemon of a server uses our files, as the last inspection found
 * (install/parts/inspect.sh).
 */
import { useOf, type Capable } from './capability.ts';
import type { Use } from './domain.ts';

/**
 * The operator's consent, given at the registration: `true` to the plan, `with-losses` also to what
 * the plan says would be lost.
 */
export type Consent = boolean | 'with-losses';

export const DAEMON_STATES = [
  /** The daemon uses our files. */
  'adopted',
  /** It can be adopted. */
  'ready',
  /** It can be adopted, and would lose something by that. */
  'loses',
  /** Something stands in the way: the reason names file and line, where there is a line. */
  'refused',
  /** Adopted, it did not serve what it served before, so its lines were taken out again. */
  'undone',
  /** As `undone`, and it does not serve what it served before since. */
  'broken',
  /** It is adopted, and no port of it answers TLS. */
  'dead',
  /** It is not adopted, and no port of it answers TLS. */
  'absent',
  /** The registration leaves it out. */
  'left-out',
] as const;
export type DaemonState = (typeof DAEMON_STATES)[number];

export interface Daemon {
  daemon: string;
  state: DaemonState;
  /** Why, in the host's words. */
  reason?: string;
  /**
   * What adoption would change, a line each: `FILE:LINE - OLD`, `FILE:LINE + NEW`, `costs TEXT`.
   */
  plan: string[];
}

/** More than we have adapters. Each daemon in trouble is an event. */
const MOST_DAEMONS = 20;

/**
 * In the order of the inspection, each daemon once: a hostile server could name one daemon 600
 * times, each time with the whole plan. Its answer has at most 24,000 characters in all.
 */
export function daemonsOf({ capability }: Capable): Daemon[] {
  const plans = (capability?.['plan'] ?? []).map(parse);
  const named = new Set<string>();
  return (capability?.['daemon'] ?? []).flatMap(line => {
    const [daemon, rest] = parse(line);
    const [word, reason] = parse(rest);
    const state = DAEMON_STATES.find(known => known === word);
    if (state === undefined || named.has(daemon) || named.size === MOST_DAEMONS) return [];
    named.add(daemon);
    const plan = plans.flatMap(([name, text]) => (name === daemon ? [text] : []));
    return [{ daemon, state, ...(reason !== '' && { reason }), plan }];
  });
}

/** Daemons that will not serve what they should until a person has done something. */
export function inTrouble(server: Capable): Daemon[] {
  return daemonsOf(server).filter(({ state }) => ['refused', 'undone', 'broken', 'dead'].includes(state));
}

/** True if a daemon that could be adopted is not. */
export function isUnadopted(server: Capable): boolean {
  return daemonsOf(server).some(({ state }) => !['adopted', 'dead', 'absent', 'left-out'].includes(state));
}

/** Daemons for this use that the registration leaves out. */
export function leftOut(server: Capable, use: Use): string[] {
  const out = daemonsOf(server).filter(({ state }) => state === 'left-out');
  return out.map(({ daemon }) => daemon).filter(daemon => useOf(server, daemon) === use);
}

/** Daemons whose plan waits for the operator's consent. */
export function waitForConsent(server: Capable & { adopt: Consent }): Daemon[] {
  return daemonsOf(server).filter(
    ({ state }) =>
      (state === 'ready' && server.adopt === false) || (state === 'loses' && server.adopt !== 'with-losses'),
  );
}

/** The first word, and the rest. */
function parse(line: string): [string, string] {
  const [, word, rest] = /^(\S*) ?(.*)$/s.exec(line)!;
  return [word!, rest!.trim()];
}

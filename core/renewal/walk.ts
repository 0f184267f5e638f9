/**
 * The walk over all certificates: each one's CA is asked when it would like it to be replaced (ARI, RFC 9773). A pass
 * takes as long as the CAs want between two looks (their Retry-After), a minute's worth at a time; how far it has come
 * is on record, and not the looks: one that finds nothing new writes nothing.
 */
import { readRenewalInfo } from '../acme/renewal-info.ts';
import type { Connection } from '../acme/transport.ts';
import { dueAt } from '../certificate/renewal.ts';
import type { Clock } from '../clock.ts';
import type { StoredCertificate } from '../record/domain.ts';
import { isSealpostError } from '../errors.ts';
import type { KnownCertificate, KnownDomain, RenewalStore, WalkPosition } from '../ports/renewal-store.ts';

export interface Ca extends Pick<Connection, 'directory' | 'request'> {
  name: string;
}

export interface WalkPorts {
  store: RenewalStore;
  /** The CA to ask about a certificate; none: it is not asked. */
  caOf: (certificate: StoredCertificate) => Ca | undefined;
  clock: Clock;
  random: () => number;
  /** The longest time between two looks; the CA may ask for less, down to a minute. */
  ceilingMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Domains between two records of the place: what a killed walk looks at twice. Ten rounds of LANES, so that a CA which takes 4 s for an answer still lets it get on. */
const PAGE = 200;
/** Requests under way at once: 20 of 100 ms are 200 a second, a fifth of what Let's Encrypt lets one address ask (rate-limits page of 2026-08-05). */
const LANES = 20;
/** In one minute: a million in 6 hours are 2,800. */
const MOST = 6_000;
/** So few are looked at in one go; more are spread over the time of the pass. */
const AT_ONCE = 1_000;
/** Of the minute until the next call. */
const PATIENCE_MS = 45_000;
/** The schedule is punctual to some seconds. */
const PUNCTUAL_MS = 10_000;
/** Failures in a row after which a CA is let alone for a minute; one alone may be that certificate's. */
const IS_DOWN = 5;
/** A CA that is down holds the walk for so long, then its certificates are passed over: others' CAs are asked, and it is in the next pass. */
const HOLD_MS = HOUR;

export interface Walked {
  looked: number;
  /** Advice that was new, and put on record. */
  changed: number;
  /** Looks that came to nothing. */
  failed: number;
  /** The pass is over. */
  ended: boolean;
}

/** Goes on with the walk for less than a minute. Killed, or called twice at once, it looks at a page again. */
export async function walkRenewalInfo(ports: WalkPorts): Promise<Walked> {
  const { store, clock, ceilingMs } = ports;
  const begun = clock.now();
  const walked: Walked = { looked: 0, changed: 0, failed: 0, ended: false };
  let position = passAt(await store.walkPosition(), { now: begun, ceilingMs });
  for (let room = MOST; !position.ended && clock.now() < begun + PATIENCE_MS;) {
    room = Math.min(room, roomIn(position, clock.now()));
    if (room <= 0) break;
    const page = await store.domains(Math.min(PAGE, room), position.after);
    const certificates = page.domains.filter(hasCertificate);
    if (certificates.some(({ current }) => isHolding(ports.caOf(current), position, clock.now()))) break;
    const seen = await lookAtAll(certificates, position.failing ?? {}, ports);
    walked.looked += seen.looked;
    walked.changed += seen.changed;
    walked.failed += seen.failed;
    room -= page.domains.length;
    const isHeld = seen.unasked.some(ca => clock.now() < (seen.failing[ca]?.since ?? 0) + HOLD_MS);
    position = {
      ...position,
      step: position.step + 1,
      failing: seen.failing,
      ...(!isHeld && pastPage(position, page, Math.min(seen.intervalMs, ceilingMs))),
    };
    if (!(await store.recordWalk(position)) || isHeld) break;
  }
  return { ...walked, ended: position.ended === true };
}

/** The pass that is to be gone on with: the one on record, or the next one when its time has come. */
function passAt(last: WalkPosition | undefined, { now, ceilingMs }: { now: number; ceilingMs: number }): WalkPosition {
  const first = { step: 0, begunAt: now, paceMs: ceilingMs, passed: 0 };
  if (!last) return first;
  const intervalMs = Math.min(last.intervalMs ?? ceilingMs, ceilingMs);
  if (!last.ended || now + PUNCTUAL_MS < last.begunAt + intervalMs) return last;
  const { step, passed: expected, failing } = last;
  return { ...first, step, paceMs: intervalMs, expected, ...(failing && { failing }) };
}

function hasCertificate(known: KnownDomain): known is KnownCertificate {
  return known.current !== undefined;
}

/** It is let alone for now, and the walk waits for it. */
function isHolding(ca: Ca | undefined, { failing }: WalkPosition, now: number): boolean {
  const trouble = ca && failing?.[ca.name];
  return trouble !== undefined && now < trouble.until && now < trouble.since + HOLD_MS;
}

/** How many more may be looked at by now, so that the pass takes its time. */
function roomIn({ begunAt, paceMs, intervalMs = paceMs, expected = 0, passed }: WalkPosition, now: number): number {
  const share = (now - begunAt + MINUTE) / Math.min(paceMs, intervalMs);
  if (share >= 1 || expected <= AT_ONCE) return MOST;
  return Math.ceil(expected * share) - passed;
}

function pastPage(
  { passed, intervalMs }: WalkPosition,
  page: { domains: unknown[]; after?: string },
  askedMs: number,
): Partial<WalkPosition> {
  return {
    passed: passed + page.domains.length,
    after: page.after,
    intervalMs: Math.min(intervalMs ?? askedMs, askedMs),
    ...(page.after === undefined && { ended: true as const }),
  };
}

interface Seen extends Omit<Walked, 'ended'> {
  /** Infinity where no CA said anything. */
  intervalMs: number;
  failing: NonNullable<WalkPosition['failing']>;
  /** CAs that were let alone. */
  unasked: string[];
}

async function lookAtAll(
  certificates: KnownCertificate[],
  before: NonNullable<WalkPosition['failing']>,
  { store, caOf, clock, random }: WalkPorts,
): Promise<Seen> {
  const seen: Seen = { looked: 0, changed: 0, failed: 0, intervalMs: Infinity, failing: { ...before }, unasked: [] };
  const inARow: Record<string, number> = {};

  const look = async (known: KnownCertificate): Promise<void> => {
    const ca = caOf(known.current);
    if (!ca || known.current.ariId === undefined) return;
    if ((seen.failing[ca.name]?.until ?? 0) > clock.now()) {
      if (!seen.unasked.includes(ca.name)) seen.unasked.push(ca.name);
      return;
    }
    try {
      const info = await readRenewalInfo(ca, known.current.ariId, clock.now());
      seen.looked++;
      inARow[ca.name] = 0;
      delete seen.failing[ca.name];
      seen.intervalMs = Math.max(MINUTE, Math.min(seen.intervalMs, info.nextLookAt - clock.now()));
      if (info.window && (await record(known, { ...info, window: info.window }))) seen.changed++;
    } catch (error) {
      // What is known stays as it is (RFC 9773 §4.3.3).
      if (!isSealpostError(error, 'AcmeUnavailable') && !isSealpostError(error, 'AcmeRateLimited')) throw error;
      seen.failed++;
      fail(ca.name, error.retryAt);
    }
  };

  const fail = (ca: string, retryAt: number | undefined): void => {
    inARow[ca] = (inARow[ca] ?? 0) + 1;
    if (retryAt === undefined && inARow[ca] < IS_DOWN && seen.failing[ca] === undefined) return;
    const until = Math.max(retryAt ?? 0, clock.now() + MINUTE - PUNCTUAL_MS);
    seen.failing[ca] = { since: seen.failing[ca]?.since ?? clock.now(), until };
    if (!seen.unasked.includes(ca)) seen.unasked.push(ca);
  };

  const record = async (known: KnownCertificate, advice: Pick<StoredCertificate, 'explanation'> & Windowed) => {
    // A person has asked for its successor: no window holds that up.
    if (known.current.askedAt !== undefined || isKnown(advice, known.current)) return false;
    const { window, explanation } = advice;
    const renewAt = Math.round(dueAt({ ...known.current, window, random }));
    const due = nextTime(known, { renewAt, now: clock.now() });
    return store.recordAdvice(known, { window, ...(explanation && { explanation }), renewAt, dueAt: due });
  };

  const waiting = certificates.values();
  const lane = async () => {
    for (const known of waiting) await look(known);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return seen;
}

type Windowed = { window: { start: number; end: number } };

function isKnown(
  { window, explanation }: Windowed & Pick<StoredCertificate, 'explanation'>,
  current: StoredCertificate,
) {
  return (
    current.window?.start === window.start && current.window.end === window.end && current.explanation === explanation
  );
}

/** A domain that waits for something else than its renewal is not looked at later than it would have been. */
function nextTime({ dueAt, current }: KnownCertificate, { renewAt, now }: { renewAt: number; now: number }): number {
  const at = Math.max(renewAt, now);
  return dueAt === current.renewAt ? at : Math.min(dueAt, at);
}

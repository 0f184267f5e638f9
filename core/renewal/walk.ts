/**
 * The renewal walk: asks each certificate's CA for its renewal window (ARI, RFC 9773). A pass takes
 * as long as the CAs want between two questions (their Retry-After), a minute's worth at a time.
 * The table records the walk's position, not each question: an answer without news writes nothing.
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
  /** The CA to ask about a certificate; undefined if no CA is to be asked. */
  caOf: (certificate: StoredCertificate) => Ca | undefined;
  clock: Clock;
  random: () => number;
  /**
   * The longest time between two questions about one certificate. A CA may ask for a shorter time,
   * down to a minute.
   */
  ceilingMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/**
 * Domains between two records of the position: a killed walk asks about so many twice. The page
 * holds ten rounds of `LANES`, so that the walk gets on even if a CA takes 4 s for an answer.
 */
const PAGE = 200;
/**
 * Requests under way at once. At 100 ms each, 20 make 200 a second, a fifth of what Let's Encrypt
 * allows one address (its page on rate limits of 2026-08-05).
 */
const LANES = 20;
/** Domains in one minute. A million domains in 6 hours need 2,800 a minute. */
const MOST = 6_000;
/** Up to this number, all domains are asked about at once. More are spread over the pass. */
const AT_ONCE = 1_000;
/** Time for one call of the function, of the minute until the next call. */
const PATIENCE_MS = 45_000;
/** The schedule calls the function some seconds early or late. */
const PUNCTUAL_MS = 10_000;
/**
 * Failures in a row after which a CA is not asked for a minute. One failure may be the
 * certificate's own.
 */
const IS_DOWN = 5;
/**
 * A failing CA stops the walk for this long. After that its certificates are skipped until the next
 * pass, so that other CAs are asked.
 */
const HOLD_MS = HOUR;

export interface Walked {
  looked: number;
  /** Renewal windows that were new and were recorded. */
  changed: number;
  /** Questions that failed. */
  failed: number;
  /** True if this call ended the pass. */
  ended: boolean;
}

/**
 * Continues the walk for less than a minute. If the function is killed or runs twice at once, a
 * page is asked about twice.
 */
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
    const seen = await askAll(certificates, position.failing ?? {}, ports);
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

/** The pass to continue: the recorded one, or the next pass if it is due. */
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

/** True if the CA is not asked now and the walk waits for it. */
function isHolding(ca: Ca | undefined, { failing }: WalkPosition, now: number): boolean {
  const trouble = ca && failing?.[ca.name];
  return trouble !== undefined && now < trouble.until && now < trouble.since + HOLD_MS;
}

/** How many more domains may be asked about by now, so that the pass takes its time. */
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
  /**
   * The shortest time that a CA wants between two questions, milliseconds. Infinity if no CA
   * answered.
   */
  intervalMs: number;
  failing: NonNullable<WalkPosition['failing']>;
  /** CAs that were not asked. */
  unasked: string[];
}

async function askAll(
  certificates: KnownCertificate[],
  before: NonNullable<WalkPosition['failing']>,
  { store, caOf, clock, random }: WalkPorts,
): Promise<Seen> {
  const seen: Seen = { looked: 0, changed: 0, failed: 0, intervalMs: Infinity, failing: { ...before }, unasked: [] };
  const inARow: Record<string, number> = {};

  const ask = async (known: KnownCertificate): Promise<void> => {
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
      seen.intervalMs = Math.max(MINUTE, Math.min(seen.intervalMs, info.askAgainAt - clock.now()));
      if (info.window && (await record(known, { ...info, window: info.window }))) seen.changed++;
    } catch (error) {
      // The recorded window stays (RFC 9773 §4.3.3).
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
    // A person asked for a renewal. No window delays that renewal.
    if (known.current.askedAt !== undefined || isKnown(advice, known.current)) return false;
    const { window, explanation } = advice;
    const renewAt = Math.round(dueAt({ ...known.current, window, random }));
    const due = nextTime(known, { renewAt, now: clock.now() });
    return store.recordAdvice(known, { window, ...(explanation && { explanation }), renewAt, dueAt: due });
  };

  const waiting = certificates.values();
  const lane = async () => {
    for (const known of waiting) await ask(known);
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

/** A domain that is due for another reason than its renewal is not made due later. */
function nextTime({ dueAt, current }: KnownCertificate, { renewAt, now }: { renewAt: number; now: number }): number {
  const at = Math.max(renewAt, now);
  return dueAt === current.renewAt ? at : Math.min(dueAt, at);
}

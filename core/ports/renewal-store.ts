/** The renewal walk over all certificates, and renewals that a person asks for. */
import type { StoredCertificate } from '../record/domain.ts';

/** How far the renewal walk has come (core/renewal/walk.ts): item `R#renewal-info`. */
export interface WalkPosition {
  /** Grows with each write, so that the second of two walks at once finds its own step taken. */
  step: number;
  /** When this pass began. */
  begunAt: number;
  /** How long this pass shall take, in milliseconds. */
  paceMs: number;
  /** The place in the index where the pass continues; absent: at the beginning. */
  after?: string;
  /** Certificates that this pass has come past. */
  passed: number;
  /** Certificates that the pass before came past: this pass is spread over its time by them. */
  expected?: number;
  /** The shortest Retry-After that a CA gave in this pass, in milliseconds. */
  intervalMs?: number;
  ended?: true;
  /** CAs that have not answered since `since`, by name; none is asked before `until`. */
  failing?: Record<string, { since: number; until: number }>;
}

/**
 * A domain as the index of due items holds it. The index is eventually consistent, so a write names
 * what was read there.
 */
export interface KnownDomain {
  domain: string;
  dueAt: number;
  current?: StoredCertificate;
}

export type KnownCertificate = Required<KnownDomain>;

/** What a CA advises for a certificate (RFC 9773), and the times that follow from it. */
export interface Advice {
  window: { start: number; end: number };
  explanation?: string;
  renewAt: number;
  dueAt: number;
}

export interface RenewalStore {
  /**
   * Domains without a deletion, from the index, shard by shard and by rising times.
   * @param after where the page before ended
   */
  domains(limit: number, after?: string): Promise<{ domains: KnownDomain[]; after?: string }>;
  /**
   * A person wants another certificate in place of the current one, or the next try now:
   * `current.askedAt = now` unless it is set, `wanted + 1`; then, if nobody owns the claim,
   * `dueAt = now`.
   *
   * Condition: there is a wish. A domain without a certificate has no `askedAt`.
   */
  askRenewal(domain: string, now: number): Promise<void>;
  /**
   * Writes `window`, `explanation` and `renewAt` of the current certificate, and `dueAt`.
   *
   * Condition: `current.id` and `dueAt` are as they were read; nobody owns the claim; no deletion.
   * @returns false if the condition is false: nothing is written
   */
  recordAdvice(known: KnownCertificate, advice: Advice): Promise<boolean>;
  walkPosition(): Promise<WalkPosition | undefined>;
  /**
   * Writes the position. Condition: the `step` on record is lower.
   * @returns false if another walk has taken this step
   */
  recordWalk(position: WalkPosition): Promise<boolean>;
}

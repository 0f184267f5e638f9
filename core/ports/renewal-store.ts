/** The renewal walk over all certificates, and renewals that a person asks for. */
import type { StoredCertificate } from '../record/domain.ts';

/** How far the walk over all certificates has come (core/renewal/walk.ts). */
export interface WalkPosition {
  /** Grows with each write: of two walks at once one is told so. */
  step: number;
  /** When this pass began. */
  begunAt: number;
  /** How long it shall take, ms. */
  paceMs: number;
  /** Where it goes on; nothing: at the beginning. */
  after?: string;
  /** Certificates that it has come past. */
  passed: number;
  /** As many as the pass before came past: by them this one is spread over its time. */
  expected?: number;
  /** The shortest time between two looks that a CA asked for in this pass. */
  intervalMs?: number;
  ended?: true;
  /** By the CA's name: it gave no answer since, and is not asked before. */
  failing?: Record<string, { since: number; until: number }>;
}

/** A domain as the index of what is due has it: eventually consistent, so whoever writes says what was read. */
export interface KnownDomain {
  domain: string;
  dueAt: number;
  current?: StoredCertificate;
}

export type KnownCertificate = Required<KnownDomain>;

/** What a CA advises for a certificate, and what follows from it. */
export interface Advice {
  window: { start: number; end: number };
  explanation?: string;
  renewAt: number;
  dueAt: number;
}

/** What a CA advises for a certificate, and what follows from it. */
export interface Advice {
  window: { start: number; end: number };
  explanation?: string;
  renewAt: number;
  dueAt: number;
}

export interface RenewalStore {
  /** Domains that are not deleted, at most `limit`, beginning after the place that the page before gave. */
  domains(limit: number, after?: string): Promise<{ domains: KnownDomain[]; after?: string }>;
  /** A person wants another certificate in place of the current one, or the next try now: due at once, if nobody is at work. */
  askRenewal(domain: string, now: number): Promise<void>;
  /** @returns false when the domain has another certificate or another time by now, or somebody is at work for it */
  recordAdvice(known: KnownCertificate, advice: Advice): Promise<boolean>;
  walkPosition(): Promise<WalkPosition | undefined>;
  /** @returns false when another walk has written since */
  recordWalk(position: WalkPosition): Promise<boolean>;
}

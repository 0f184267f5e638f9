/** What is written to a domain's item `D#<domain>` without a claim on the domain. */
import type { DomainRecord, Foreign, Wish } from '../record/domain.ts';

export interface DomainStore {
  readDomain(domain: string): Promise<DomainRecord | undefined>;
  /**
   * Writes the wish, its time and its version, and `foreign`; adds the wish's servers to `servers`;
   * `wanted + 1`; due in a minute, in case its execution is killed before the claim. A deletion
   * sets `deletedAt` and removes `provided`; any other wish removes `deletedAt`.
   *
   * Condition: no wish, or this one is later: it has the higher `version` if both have one, else
   * the later `at`; or the same `at` and another content. If an execution is at work for the same
   * wish, only the time and the version are written.
   * @param order.at when the event was sent
   * @param foreign what an import saw served for this wish; every other wish removes it
   * @returns false if the condition is false: nothing is written
   */
  acceptWish(wish: Wish, order: { at: number; version?: number }, now: number, foreign?: Foreign): Promise<boolean>;
  /**
   * Asks for a re-evaluation, because something has changed that the wish depends on: `wanted + 1`,
   * so that an owner of the claim finds it when the claim ends; then, if nobody owns the claim,
   * `dueAt = now`.
   *
   * Condition: there is a wish.
   */
  askReEvaluation(domain: string, now: number): Promise<void>;
  /**
   * Writes which provided certificates are served from now on, and asks for a re-evaluation. Their
   * ids join `elsewhere` and stay there, also after a withdrawal, until their objects are removed.
   *
   * Condition: there is a wish that is no deletion, and `provided` is as it was read.
   * @param change.before as it was read
   * @returns false if the condition is false: nothing is written
   */
  provide(
    domain: string,
    change: { provided: DomainRecord['provided']; before: DomainRecord['provided']; now: number },
  ): Promise<boolean>;
  /**
   * Removes `superseded`, after the objects of these certificates were removed.
   *
   * Condition: it is the list that was read. Does nothing if the condition is false.
   */
  forgetSuperseded(domain: string, superseded: string[]): Promise<void>;
  /** Removes these ids from `elsewhere`, after the objects were removed. */
  forgetElsewhere(domain: string, ids: string[]): Promise<void>;
}

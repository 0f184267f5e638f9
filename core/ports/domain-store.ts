/** A domain: what is wished for it, and what else changes without a claim on it. */
import type { DomainRecord, Foreign, Wish } from '../record/domain.ts';

export interface DomainStore {
  readDomain(domain: string): Promise<DomainRecord | undefined>;
  /**
   * Puts the wish on record unless a later one is there, or the same; due soon, in case nobody lives to claim it.
   * Later is the higher `version` where both have one, else the later `at`. Said again while an execution is at work
   * for the very same, it counts as no other wish: only the time of the last word moves.
   * @param foreign what was seen served for this wish; every other wish forgets it
   * @returns whether it was written
   */
  acceptWish(wish: Wish, order: { at: number; version?: number }, now: number, foreign?: Foreign): Promise<boolean>;
  /** Something that the wish hangs on has changed: who is at work for the domain has to look again when it ends; else it is due now. */
  lookAgain(domain: string, now: number): Promise<void>;
  /**
   * Puts on record what is provided for the domain from now on, and has it looked at again. Their ids are kept in
   * `elsewhere`, also when they are withdrawn, until their objects are gone.
   * @param before as it was read
   * @returns false when it is not so any more, or nobody wishes the domain
   */
  provide(
    domain: string,
    change: { provided: DomainRecord['provided']; before: DomainRecord['provided']; now: number },
  ): Promise<boolean>;
  /** The objects of these certificates are gone. @param superseded all that were on record: where there are others by now, nothing is written */
  forgetSuperseded(domain: string, superseded: string[]): Promise<void>;
  /** The objects of these are gone. */
  forgetElsewhere(domain: string, ids: string[]): Promise<void>;
}

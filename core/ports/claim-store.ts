/**
 * The claim on a domain, and every write that only the claim's owner may do. If another execution
 * owns the claim by now, a method throws ClaimLost, unless its docstring says otherwise.
 */
import type { Claim } from '../record/claim.ts';
import type { Brake } from '../record/brake.ts';
import type { DomainRecord, OrderOnRecord, PublishedValue, Reservation, ServedUnder, Use } from '../record/domain.ts';
import type { Parked, Retired } from '../record/parked.ts';

/** Who writes: the domain, and the execution that owns its claim. */
export type Owner = Pick<Claim, 'domain' | 'me'>;

/** The owner, and the counter of its plan: a later wish is not done. */
export type Planned = Pick<Claim, 'domain' | 'me' | 'seen'>;

export interface ClaimStore {
  /**
   * Takes the claim for an execution, with a lease of `LEASE_MS`. The claim is free if nobody owns
   * it or if its lease has ended; there is something to do if `wanted` is above `done` or if
   * `dueAt` has passed. The same execution may take its claim again.
   * @returns the record; undefined without a wish, while another execution owns the claim, or if
   *   there is nothing to do
   */
  claimDomain(claim: Pick<Claim, 'domain' | 'me' | 'now'>): Promise<DomainRecord | undefined>;
  /** Renews the lease: `leaseUntil` and `dueAt` become `now` plus `LEASE_MS`. */
  renewDomain(claim: Pick<Claim, 'domain' | 'me' | 'now'>): Promise<DomainRecord>;
  /** Records the slots in budgets that are reserved for the domain. */
  recordReservation(owner: Owner, reserved: Reservation): Promise<void>;
  /**
   * Records the order, unless an order is on record.
   * @param reserved the slots that the order has not used
   * @returns the order on record
   */
  recordOrder(owner: Owner, order: OrderOnRecord, reserved?: Reservation): Promise<OrderOnRecord>;
  /** Records that a key is stored for the order. */
  recordKeyed(owner: Owner, order: OrderOnRecord): Promise<void>;
  /**
   * Forgets the order, as it was read. If a key was stored for it, the id of its certificate joins
   * `superseded`. Does nothing if another order, or another owner, is on record.
   */
  forgetOrder(owner: Owner, order: OrderOnRecord): Promise<void>;
  /** Records what failed at the CA, and the tries that were asked for since then. */
  recordBrake(owner: Owner, brake: Brake): Promise<void>;
  /**
   * Records the TXT values that are in zones: before they are published, and what is left after a
   * retraction.
   */
  recordPublished(owner: Owner, published: PublishedValue[]): Promise<void>;
  /** Records under which servers the domain is served; an empty list removes the attribute. */
  recordServedUnder(owner: Owner, servedUnder: ServedUnder[]): Promise<void>;
  /**
   * Records that a person was told `days` before the end of a provided certificate. Does nothing if
   * another certificate is provided for that use by now.
   */
  recordTold(owner: Owner, told: { use: Use; id: string; days: number }): Promise<void>;
  /** Records that the certificate of that id was revoked at the CA. */
  recordRevoked(owner: Owner, certificate: string): Promise<void>;
  /** Removes the current certificate from the record; its id joins `superseded`. */
  dropCurrent(owner: Owner, current: string): Promise<void>;
  /**
   * Ends the claim: `done` becomes `seen`, and what was parked or retired is forgotten.
   * @param dueAt when the domain is due next, milliseconds since the epoch
   * @returns false if a newer wish came meanwhile: the claim is ended, and the domain is due at
   *   once
   */
  releaseDomain(claim: Claim, dueAt: number): Promise<boolean>;
  /**
   * Ends the claim with a reason. The domain is due at `parked.nextTry`; at once if a newer wish
   * came meanwhile, or if one of the servers is registered by now.
   * @param waitsFor servers whose registration wakes the domain. The domain is on record under each
   *   of these servers before the servers are read
   */
  parkDomain(claim: Planned, parked: Parked, waitsFor: string[]): Promise<void>;
  /**
   * Ends the claim of a domain that has left.
   * @param dueAt when the domain is due once more; undefined: never
   * @returns false if a newer wish came meanwhile, or the claim is lost: nothing is written
   */
  retireDomain(claim: Planned, retired: Retired, dueAt: number | undefined): Promise<boolean>;
  /**
   * Deletes the item of a deleted domain.
   * @returns false if a newer wish came meanwhile, or the claim is lost: nothing is written
   */
  forgetDomain(claim: Pick<Claim, 'domain' | 'me' | 'seen'>): Promise<boolean>;
}

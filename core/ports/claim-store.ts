/** The claim on a domain, and every write that only the claim's owner may do. */
import type { DomainRecord, PublishedValue, Reservation, ServedUnder, Use } from '../record/domain.ts';
import type { Parked, Retired } from '../record/parked.ts';

export interface ClaimStore {
  /** Takes the domain for this execution. @returns the record, or undefined when another has it or there is nothing to do */
  claimDomain(domain: string, me: string, now: number): Promise<DomainRecord | undefined>;
  /** Renews the lease. @throws SealpostError ClaimLost */
  renewDomain(domain: string, me: string, now: number): Promise<DomainRecord>;
  /** Remembers the places in budgets that were reserved for the domain. @throws ClaimLost */
  recordReservation(domain: string, me: string, reserved: Reservation): Promise<void>;
  /** Puts the order on record, unless one is there; `reserved` are the places that it has not used. @returns the one on record */
  recordOrder(
    domain: string,
    me: string,
    order: NonNullable<DomainRecord['order']>,
    reserved?: Reservation,
  ): Promise<NonNullable<DomainRecord['order']>>;
  /** Forgets an order that can no longer succeed, so that the next try makes another. */
  forgetOrder(domain: string, me: string, url: string): Promise<void>;
  /** Remembers TXT values before they are published (or forgets them after they were retracted), so that a later claim can retract a killed one's. @throws ClaimLost */
  recordPublished(domain: string, me: string, published: PublishedValue[]): Promise<void>;
  /** Under which servers the domain is served; none: it is forgotten. @throws ClaimLost */
  recordServedUnder(domain: string, me: string, servedUnder: ServedUnder[]): Promise<void>;
  /** A person was told that many days before its end, unless another is provided by now. @throws ClaimLost */
  recordTold(domain: string, me: string, use: Use, id: string, days: number): Promise<void>;
  /** Its current certificate was revoked at the CA. @throws ClaimLost */
  recordRevoked(domain: string, me: string, certificate: string): Promise<void>;
  /** The domain has no current certificate any more. @throws ClaimLost */
  dropCurrent(domain: string, me: string, current: string): Promise<void>;
  /** Ends the claim. @returns false when the wish changed meanwhile: the claim is ended, due at once */
  releaseDomain(domain: string, me: string, seen: number, dueAt: number, now: number): Promise<boolean>;
  /** Ends the claim with a reason; `waitsFor` are servers whose registration wakes the domain: due at once where one is registered by now. */
  parkDomain(domain: string, me: string, parked: Parked, waitsFor: string[]): Promise<void>;
  /** Ends the claim: it has left, and is due at `dueAt` once more, or never. @returns false when the wish changed meanwhile: the claim stays */
  retireDomain(domain: string, me: string, retired: Retired, dueAt: number | undefined): Promise<boolean>;
  /** Ends the claim on a deleted domain, and all that is known of it. @returns false when the wish changed meanwhile: the claim stays */
  forgetDomain(domain: string, me: string, seen: number): Promise<boolean>;
}

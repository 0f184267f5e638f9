/** What ClaimDomain works with once its execution has claimed the domain. */
import type { SealpostError } from '../errors.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord, Wish } from '../record/domain.ts';

export interface Evaluation {
  claim: Claim;
  record: DomainRecord;
  wish: Wish;
  /** True if an outside event asked for this domain; false if the sweep did. */
  isAsked: boolean;
}

/** An evaluation whose wish was matched against its servers. */
export interface Placed extends Evaluation {
  /** The names that the certificate must have. */
  names: string[];
  /** The servers that shall hold the certificate. */
  servers: string[];
  /**
   * Why a server of the wish is left out. The domain is parked with this error once the other
   * servers have what there is for them.
   */
  leftOut?: SealpostError;
}

/**
 * A delivery under way: in the server's item `S#<server>` `/S`, and its token in item `T#<hash>`.
 */
import type { DeliveryUnderWay, ServerRecord } from '../record/server.ts';
import type { ServerClaim } from '../record/claim.ts';

/** What a delivery taught about its server. */
export type ServerChanges = Partial<
  Pick<
    ServerRecord,
    'capability' | 'inspectedAt' | 'hostSecuredAt' | 'held' | 'failures' | 'seq' | 'audit' | 'auditAsked'
  >
>;

/** The token by which Step Functions resumes the task that waits for a delivery. */
export interface DeliveryToken {
  /** sha256 of the delivery object, hex. */
  hash: string;
  server: string;
  token: string;
}

export interface DeliveryStore {
  /**
   * Sets `delivery` and takes its sequence number.
   *
   * Condition: the claim; `seq` is the number before; no delivery is under way.
   * @throws SealpostError ClaimLost
   */
  startDelivery(claim: ServerClaim, delivery: DeliveryUnderWay): Promise<void>;
  /**
   * Sets the command's id and time in `delivery`.
   *
   * Condition: the claim, and the delivery under way has this hash.
   * @throws SealpostError ClaimLost
   */
  recordCommand(claim: ServerClaim, command: { hash: string; commandId: string; sentAt: number }): Promise<void>;
  /**
   * Removes `delivery` and sets what was learnt; then removes the token.
   *
   * Condition: the claim, and the delivery under way has this hash.
   * @param end.forget attributes that no longer hold
   * @throws SealpostError ClaimLost
   */
  endDelivery(
    claim: ServerClaim,
    end: { hash: string; changes: ServerChanges; forget?: ('capability' | 'auditAsked' | 'paged')[] },
  ): Promise<void>;
  /**
   * Writes the token; a later one replaces an earlier one. Two minutes later the sweep looks for
   * the answer: the item has a due time of its own, because each commit of work changes the
   * server's.
   */
  putToken(token: DeliveryToken, now: number): Promise<void>;
  /** Deletes the token of a delivery that is over. */
  forgetToken(hash: string): Promise<void>;
  token(hash: string): Promise<Pick<DeliveryToken, 'server' | 'token'> | undefined>;
}

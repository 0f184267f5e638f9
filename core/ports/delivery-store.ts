/** A delivery under way on a server, and its token. */
import type { DeliveryUnderWay, ServerRecord } from '../record/server.ts';

export interface DeliveryStore {
  /** Puts the delivery on record and takes the next sequence number. @throws ClaimLost */
  startDelivery(server: string, me: string, delivery: DeliveryUnderWay): Promise<void>;
  /** The command that carries this delivery. */
  recordCommand(server: string, me: string, hash: string, commandId: string, now: number): Promise<void>;
  /** The delivery is over, and its token forgotten; `changes` are what was learnt, and `forget` what is so no more. */
  endDelivery(
    server: string,
    me: string,
    hash: string,
    changes: Partial<
      Pick<ServerRecord, 'capability' | 'hostSecuredAt' | 'held' | 'failures' | 'seq' | 'audit' | 'auditAsked'>
    >,
    forget?: ('capability' | 'auditAsked')[],
  ): Promise<void>;
  putToken(hash: string, server: string, token: string): Promise<void>;
  token(hash: string): Promise<{ server: string; token: string } | undefined>;
}

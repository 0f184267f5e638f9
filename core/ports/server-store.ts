/**
 * A server: its registration, and the claim on it. All of it is in item `S#<server>` `/S`. An item
 * without `node` is the rest of a retired server: every method treats the server as not registered.
 */
import type { ServerRecord } from '../record/server.ts';
import type { ServerClaim } from '../record/claim.ts';

/** What an event says of a server. */
export type Registration = Pick<
  ServerRecord,
  'server' | 'node' | 'role' | 'roleId' | 'adopt' | 'webmail' | 'leaveOut' | 'platform' | 'servesByName'
>;

export interface ServerStore {
  /** @returns the record, or undefined where no server of that name is registered */
  readServer(server: string): Promise<ServerRecord | undefined>;
  /**
   * Writes what the event says, `registeredAt = at`, a due time in `WAKE_MS` and one more `wanted`.
   * Removes the claim, the delivery under way, `held`, `failures`, `hostSecuredAt` and all that
   * earlier inspections and audits found, so that the server is inspected anew and its own host
   * name has to be seen served anew. An execution that is at work for the server loses the claim.
   *
   * Condition: `registeredAt` is absent or earlier than `at`; or equal, and the server is retired.
   * @param time.at when the event was sent
   * @returns whether the condition held
   */
  registerServer(server: Registration, time: { at: number; now: number }): Promise<boolean>;
  /**
   * Records that the node is this server's, unless another server is on record for the node.
   * @param take.from the server that was on record, and does not have the node any more
   * @returns the server on record
   */
  takeNode(take: { node: string; server: string; from?: string }): Promise<string>;
  /**
   * Removes everything but the counters and the sequence number; sets `registeredAt` and
   * `retiredAt`.
   *
   * Condition: `registeredAt` is absent or earlier than `at`. A registration of the same second
   * stands.
   * @param at when the event was sent
   */
  retireServer(server: string, at: number): Promise<void>;
  /**
   * Takes the server for an execution that is yet to start: sets `owner` to the name that it will
   * have, `leaseUntil` and `dueAt` to `WAKE_MS` from now, and the next `seq`. For a held server
   * that nobody owns, removes `dueAt` instead.
   *
   * Condition: the lease is absent or over, and `wanted > done` or the server is due; nobody took a
   * number meanwhile.
   * @returns the execution's name, or undefined where the server is owned, is held or has nothing
   *   to do
   */
  wakeServer(server: string, now: number): Promise<string | undefined>;
  /**
   * Sets `leaseUntil` and `dueAt` to `LEASE_MS` from now. Condition: the claim.
   * @throws SealpostError ClaimLost
   */
  renewServer(claim: ServerClaim): Promise<ServerRecord>;
  /**
   * Ends the claim: sets `done = wanted`, `dueAt` (absent: the server waits for nothing) and, with
   * `failures`, these and `paged`.
   *
   * Condition: the claim, and `wanted` is as it was read.
   * @param end.failures deliveries in a row that came to nothing
   * @param end.paged true: a person was paged in this row of failures
   * @returns false where work came meanwhile or the claim is lost: nothing is written
   */
  releaseServer(
    claim: ServerClaim,
    end: { wanted: number; dueAt?: number; failures?: number; paged?: boolean },
  ): Promise<boolean>;
  /**
   * Sets `auditAsked`, a due time in `WAKE_MS` and one more `wanted`: the server is audited now,
   * whenever its daily audit is. Condition: the server is registered.
   * @returns whether the condition held
   */
  askAudit(server: string, now: number): Promise<boolean>;
}

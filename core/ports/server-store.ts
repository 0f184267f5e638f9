/** A server: its registration, and the claim on it. */
import type { ServerRecord } from '../record/server.ts';

export interface ServerStore {
  readServer(server: string): Promise<ServerRecord | undefined>;
  /**
   * Makes or changes a server's record; it is inspected anew, and its own host name has to be seen served anew.
   * @param at when it was said: an earlier word, or the same one again, changes nothing
   * @returns whether it was written
   */
  registerServer(
    server: Pick<ServerRecord, 'server' | 'node' | 'roleId' | 'adopt' | 'platform' | 'servesByName'>,
    at: number,
    now: number,
  ): Promise<boolean>;
  /**
   * Ends a server's registration: to everybody it is as if nobody had registered it, but its sequence is not forgotten.
   * @param at when it was said: a registration that was said later, or in the same second, stands
   */
  retireServer(server: string, at: number): Promise<void>;
  /** Takes the server for an execution that is yet to start; a held one is due no more. @returns its name, or undefined when it is busy, held or has nothing to do */
  wakeServer(server: string, now: number): Promise<string | undefined>;
  /** @throws SealpostError ClaimLost */
  renewServer(server: string, me: string, now: number): Promise<ServerRecord>;
  /** Ends the claim; `failures` in a row, where there was one more. @returns false when work came meanwhile: the claim stays */
  releaseServer(
    server: string,
    me: string,
    wanted: number,
    dueAt: number | undefined,
    failures?: number,
  ): Promise<boolean>;
  /** It shall be audited at that time, whenever its day's audit is. @returns false when there is no such server */
  askAudit(server: string, at: number, now: number): Promise<boolean>;
}

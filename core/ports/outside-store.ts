/** What the outside check saw of each server: items `O#servers` `/O#<server>`. */
import type { Outside } from '../record/outside.ts';

export interface OutsideStore {
  /** What was seen of each server, and when it is checked again. */
  outsides(): Promise<Outside[]>;
  /** Begins the outside checks of a server. Does nothing if they have begun. */
  beginOutside(server: string, dueAt: number): Promise<void>;
  /**
   * Replaces the item.
   * @param read `dueAt` as it was read: the condition
   * @returns false if another check has written since
   */
  recordOutside(outside: Outside, read: number): Promise<boolean>;
  forgetOutside(server: string): Promise<void>;
}

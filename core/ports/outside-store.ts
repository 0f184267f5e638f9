/** What was seen of servers from outside. */
import type { Outside } from '../record/outside.ts';

export interface OutsideStore {
  /** What was seen of each server from outside, and when it is looked at again. */
  outsides(): Promise<Outside[]>;
  /** It shall be looked at from outside; nothing changes where it is already. */
  beginOutside(server: string, dueAt: number): Promise<void>;
  /** @param read its `dueAt` as it was read @returns false when another has written since */
  recordOutside(outside: Outside, read: number): Promise<boolean>;
  forgetOutside(server: string): Promise<void>;
}

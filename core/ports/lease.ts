/** Times of a claim, which is a lease. */

/**
 * How long a claim lasts without renewal: longer than any step between two renewals (2,700 s), see
 * docs/protocol.md.
 */
export const LEASE_MS = 3_600_000;
/** How long a woken server belongs to an execution that has not begun. */
export const WAKE_MS = 60_000;
/**
 * When a written item is due for the sweep, in case its writer is killed before it starts an
 * execution.
 */
export const FOUND_AFTER_MS = 60_000;

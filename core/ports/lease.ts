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
/**
 * How long a command may run before the sweep asks for its answer each minute, because SSM's events
 * are best effort. A delivery of today's work takes some seconds, so that few are asked about in
 * vain: GetCommandInvocation once a minute for an adoption or an audit. A lost event costs 90 s at
 * most: these 30, and the minute until the next sweep.
 */
export const COMMAND_DUE_AFTER_MS = 30_000;

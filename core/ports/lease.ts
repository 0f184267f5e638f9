/** How long a claim lasts. */

/** A claim on a domain or a server without being renewed: longer than any task in between (2,700 s), see protocol.md. */
export const LEASE_MS = 3_600_000;
/** How long a woken server belongs to an execution that has not yet begun. */
export const WAKE_MS = 60_000;
/** When the sweep finds what was written, if its writer was killed before the writer started an execution. */
export const FOUND_AFTER_MS = 60_000;

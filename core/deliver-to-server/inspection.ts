/** When a server is inspected. */
import { AUDIT_PAUSE_MS } from '../audit/audit.ts';
import type { ServerRecord } from '../record/server.ts';
import { quietMoment, type QuietHours } from '../work/quiet.ts';

/**
 * A server without a capability is inspected at once. A server whose host name's certificate was
 * not seen trusted is inspected again once a day, because customers' certificates wait for that:
 * one handshake may have failed, or the operator has secured software that has no adapter.
 * @returns milliseconds since the epoch; undefined if the server is audited instead
 */
export function inspectionDueAt(server: ServerRecord, quietHours: QuietHours): number | undefined {
  const { capability, hostSecuredAt, auditAsked, registeredAt, inspectedAt = registeredAt } = server;
  if (!capability) return inspectedAt;
  if (hostSecuredAt !== undefined) return undefined;
  if (auditAsked !== undefined && auditAsked > inspectedAt) return auditAsked;
  return quietMoment(server.server, quietHours, inspectedAt + AUDIT_PAUSE_MS);
}

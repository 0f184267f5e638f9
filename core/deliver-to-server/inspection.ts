/** When a server is inspected. */
import { AUDIT_PAUSE_MS } from '../audit/audit.ts';
import { isUnadopted } from '../record/adoption.ts';
import type { ServerRecord } from '../record/server.ts';
import { quietMoment, type QuietHours } from '../work/quiet.ts';

/**
 * A server without a capability is inspected at once. A server whose host name's certificate was
 * not seen trusted is inspected again once a day, because customers' certificates wait for that:
 * one handshake may have failed, or the operator has secured software that has no adapter. An audit
 * that a person asks for inspects first, if a daemon is not adopted: the person may have removed
 * what stood in the way.
 * @returns milliseconds since the epoch; undefined if the server is audited instead
 */
export function inspectionDueAt(server: ServerRecord, quietHours: QuietHours): number | undefined {
  const { capability, hostSecuredAt, auditAsked, registeredAt, inspectedAt = registeredAt } = server;
  if (!capability) return inspectedAt;
  if (isInspectionAsked(server)) return auditAsked;
  if (hostSecuredAt !== undefined) return undefined;
  return quietMoment(server.server, quietHours, inspectedAt + AUDIT_PAUSE_MS);
}

/** True if somebody has asked for an audit since the last inspection, and that inspects first. */
export function isInspectionAsked(server: ServerRecord): boolean {
  const { hostSecuredAt, auditAsked, registeredAt, inspectedAt = registeredAt } = server;
  if (auditAsked === undefined || auditAsked <= inspectedAt) return false;
  return hostSecuredAt === undefined || isUnadopted(server);
}

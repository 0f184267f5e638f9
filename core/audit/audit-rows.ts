/** The rows that an audit checks, and the rows that show whether a repair succeeded. */
import type { WorkStore } from '../ports/work-store.ts';
import { MAX_ROWS, rowsOf } from './audit.ts';
import type { Installed, ServerRecord } from '../record/server.ts';
import type { Look } from '../record/audit.ts';
import type { Looks, Manifest } from '../record/delivery.ts';

/**
 * The rows of one audit, from where the last audit stopped. Certificates that another node served
 * are left out.
 * @param delivered the entries that go along in the same command
 */
export async function auditRows(
  server: ServerRecord,
  store: Pick<WorkStore, 'allInstalled'>,
  delivered: Manifest = [],
): Promise<Looks> {
  const after = server.audit?.lap?.after ?? '';
  const installed = (await store.allInstalled(server.server)).filter(({ node }) => node === server.node);
  const looks = new Map(installed.map(one => [one.domain, looksOf(one)]));
  // The audit comes after the delivery, so it checks what the delivery installs. A domain that is
  // removed has no rows.
  const entries = Map.groupBy(delivered, ({ domain }) => domain);
  for (const [domain, of] of entries) looks.set(domain, looksFor(of));
  const rows: Looks['rows'] = [];
  for (const domain of [...looks.keys()].filter(domain => domain > after).sort()) {
    const more = rowsOf(domain, looks.get(domain)!);
    if (rows.length + more.length > MAX_ROWS) return { rows, audit: { isLast: false } };
    rows.push(...more);
  }
  return { rows, audit: { isLast: true } };
}

/** By which names and leaves an installed certificate is checked. */
export function looksOf({ domain, looks, fingerprint }: Installed): Look[] {
  return looks ?? (fingerprint === undefined ? [] : [{ leaf: fingerprint, mail: `mail.${domain}` }]);
}

/**
 * A delivery is checked on one port of each daemon. A repair is checked on every port, since any of
 * them may have been wrong.
 */
export function repairRows(manifest: Manifest): Looks | undefined {
  const rows = manifest.flatMap(entry => (entry.drift ? rowsOf(entry.domain, looksFor([entry])) : []));
  return rows.length > 0 ? { rows } : undefined;
}

/** By which names and leaves the entries of one domain are checked once they are served. */
export function looksFor(entries: Manifest): Look[] {
  return entries.flatMap(({ for: use, fingerprint, probe, host }) =>
    fingerprint === undefined || !probe
      ? []
      : [{ leaf: fingerprint, ...(use && { for: use }), ...probe, ...(host && { default: true as const }) }],
  );
}

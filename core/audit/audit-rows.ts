/** What an audit looks at: what the server was seen serving; and what a repair is proved by. */
import type { WorkStore } from '../ports/work-store.ts';
import { MAX_ROWS, rowsOf } from './audit.ts';
import type { Installed, ServerRecord } from '../record/server.ts';
import type { Look } from '../record/audit.ts';
import type { Looks, Manifest } from '../record/delivery.ts';

/**
 * As much as one audit takes, from where the last one stopped. What another node was seen serving is none of this one's.
 * @param delivered what goes along in the same command
 */
export async function auditRows(
  server: ServerRecord,
  store: Pick<WorkStore, 'allInstalled'>,
  delivered: Manifest = [],
): Promise<Looks> {
  const after = server.audit?.lap?.after ?? '';
  const installed = (await store.allInstalled(server.server)).filter(({ node }) => node === server.node);
  const looks = new Map(installed.map(one => [one.domain, looksOf(one)]));
  // By then they are what is installed; a domain that is removed has none.
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

/** How what is installed is to be seen. */
export function looksOf({ domain, looks, fingerprint }: Installed): Look[] {
  return looks ?? (fingerprint === undefined ? [] : [{ leaf: fingerprint, mail: `mail.${domain}` }]);
}

/** A delivery is proved by one port a daemon; a repair by each, since any of them may have been the one. */
export function repairRows(manifest: Manifest): Looks | undefined {
  const rows = manifest.flatMap(entry => (entry.drift ? rowsOf(entry.domain, looksFor([entry])) : []));
  return rows.length > 0 ? { rows } : undefined;
}

/** How the entries of one domain are to be seen once they are served. */
export function looksFor(entries: Manifest): Look[] {
  return entries.flatMap(({ for: use, fingerprint, probe, host }) =>
    fingerprint === undefined || !probe
      ? []
      : [{ leaf: fingerprint, ...(use && { for: use }), ...probe, ...(host && { default: true as const }) }],
  );
}

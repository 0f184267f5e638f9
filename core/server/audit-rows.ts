/** What an audit looks at: what the server was seen serving; and what a repair is proved by. */
import type { Store } from '../store.ts';
import { MAX_ROWS, rowsOf, type Look } from './audit.ts';
import type { Looks, Manifest } from './delivery.ts';
import type { Installed, ServerRecord } from './server.ts';

/** As much as one audit takes, from where the last one stopped. What another node was seen serving is none of this one's. */
export async function auditRows(server: ServerRecord, store: Pick<Store, 'allInstalled'>): Promise<Looks> {
  const after = server.audit?.lap?.after ?? '';
  const installed = (await store.allInstalled(server.server))
    .filter(({ domain, node }) => node === server.node && domain > after)
    .sort((a, b) => (a.domain < b.domain ? -1 : 1));
  const rows: Looks['rows'] = [];
  for (const one of installed) {
    const more = rowsOf(one.domain, looksOf(one));
    if (rows.length + more.length > MAX_ROWS) return { rows, audit: { isLast: false } };
    rows.push(...more);
  }
  return { rows, audit: { isLast: true } };
}

function looksOf({ domain, looks, fingerprint }: Installed): Look[] {
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

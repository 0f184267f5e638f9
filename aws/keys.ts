/** The keys of the table's items (docs/protocol.md lists the items). */
import { createHash } from 'node:crypto';

/** The index of due items. It is sharded, because a partition takes 1,000 writes a second. */
export const DUE_INDEX = 'due';
export const DUE_SHARDS = 16;

/**
 * The partition keys of each kind of item, as IAM's StringLike compares them. lib/rights.ts gives a
 * function the kinds that it needs. All of a server's partition is one kind, because IAM cannot see
 * a sort key.
 */
export const KINDS = {
  domain: 'D#*',
  server: 'S#*',
  node: 'N#*',
  token: 'T#*',
  acm: 'M#',
  issuer: 'I#*',
  walk: 'R#renewal-info',
  outside: 'O#servers',
  foreign: 'G#?*',
  page: 'G#',
} as const;
export type Kind = keyof typeof KINDS;

export interface Key {
  pk: string;
  sk: string;
}

/** What is on record of a domain under a server. */
interface OnServer {
  server: string;
  domain: string;
}

export function shardOf(pk: string): string {
  return `${createHash('sha256').update(pk).digest()[0]! % DUE_SHARDS}`;
}

export const domainKey = (domain: string): Key => ({ pk: `D#${domain}`, sk: '/D' });
export const serverKey = (server: string): Key => ({ pk: `S#${server}`, sk: '/S' });
/** The server that a managed node is registered as. */
export const nodeKey = (node: string): Key => ({ pk: `N#${node}`, sk: '/N' });
export const workKey = ({ server, domain }: OnServer): Key => ({ ...serverKey(server), sk: `/W#${domain}` });
export const installedKey = ({ server, domain }: OnServer): Key => ({ ...serverKey(server), sk: `/P#${domain}` });
/** A domain that waits for the server's registration. */
export const waitingKey = ({ server, domain }: OnServer): Key => ({ ...serverKey(server), sk: `/A#${domain}` });
/** A domain that depends on what the server can do. */
export const dependentKey = ({ server, domain }: OnServer): Key => ({ ...serverKey(server), sk: `/U#${domain}` });
/** What an import saw served: a foreign certificate. */
export const foreignKey = (domain: string): Key => ({ pk: `G#${domain}`, sk: '/F' });
/** The day of the last guard's last page. */
export const pageKey: Key = { pk: 'G#', sk: '/G' };
/** What is guarded stands in the index of due items, in shards that the sweep does not read. */
export const guardShard = (pk: string): string => `served ${shardOf(pk)}`;
export const tokenKey = (hash: string): Key => ({ pk: `T#${hash}`, sk: '/T' });

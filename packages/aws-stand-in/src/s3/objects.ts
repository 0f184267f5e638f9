/** Buckets and object versions of the S3 stand-in in the provider's SQLite file; bodies are encrypted before they come here. */
import type { DatabaseSync } from 'node:sqlite';

export interface Bucket {
  name: string;
  /** Milliseconds since the epoch. */
  created: number;
  versioned: boolean;
  /** Default encryption: a KMS key, or undefined for SSE-S3. */
  kmsKey?: string | undefined;
}

/** One version of an object; without a body it is a delete marker. */
export interface Version {
  key: string;
  /** `null` in a bucket without versioning, as S3 calls it. */
  versionId: string;
  modified: number;
  etag: string;
  size: number;
  /** Answer headers that were given with the object, and its checksums. */
  headers: Record<string, any>;
  /** ARN of the KMS key, or undefined for SSE-S3. */
  kmsKeyArn?: string | undefined;
  encryptedDataKey?: Uint8Array | undefined;
  encryptedBody?: Uint8Array | undefined;
}

export type ObjectStore = ReturnType<typeof openObjects>;

const FIELDS = 'key, version_id, modified, etag, size, headers, kms_key, data_key';

export function openObjects(database: DatabaseSync) {
  // seq orders the versions of a key; text is compared byte by byte, as S3 lists keys.
  database.exec(`
    CREATE TABLE IF NOT EXISTS s3_buckets (name TEXT PRIMARY KEY, settings TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS s3_objects (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL,
      modified INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL, headers TEXT NOT NULL, kms_key TEXT,
      data_key BLOB, body BLOB, UNIQUE (bucket, key, version_id));`);
  const newest = database.prepare(
    `SELECT ${FIELDS}, body FROM s3_objects WHERE bucket = ? AND key = ? ORDER BY seq DESC LIMIT 1`,
  );
  const byId = database.prepare(
    `SELECT ${FIELDS}, body FROM s3_objects WHERE bucket = ? AND key = ? AND version_id = ?`,
  );
  return {
    bucket(name: string): Bucket | undefined {
      const row = database.prepare('SELECT settings FROM s3_buckets WHERE name = ?').get(name);
      return row && JSON.parse(row.settings as string);
    },

    buckets(): Bucket[] {
      const rows = database.prepare('SELECT settings FROM s3_buckets ORDER BY name').all();
      return rows.map(row => JSON.parse(row.settings as string));
    },

    putBucket(bucket: Bucket): void {
      database.prepare('INSERT OR REPLACE INTO s3_buckets VALUES (?, ?)').run(bucket.name, JSON.stringify(bucket));
    },

    /** The newest version (it may be a delete marker), or the one with this id. */
    find(bucket: string, key: string, versionId?: string): Version | undefined {
      const row = versionId === undefined ? newest.get(bucket, key) : byId.get(bucket, key, versionId);
      return row && versionOf(row);
    },

    /** Adds a version on top, in place of one with the same id: `null` is the only one in a bucket without versioning. */
    put(bucket: Bucket, version: Version): void {
      database
        .prepare(`INSERT OR REPLACE INTO s3_objects (bucket, ${FIELDS}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
        .run(
          bucket.name,
          version.key,
          version.versionId,
          version.modified,
          version.etag,
          version.size,
          JSON.stringify(version.headers),
          version.kmsKeyArn ?? null,
          version.encryptedDataKey ?? null,
          version.encryptedBody ?? null,
        );
    },

    remove(bucket: string, key: string, versionId: string): void {
      database
        .prepare('DELETE FROM s3_objects WHERE bucket = ? AND key = ? AND version_id = ?')
        .run(bucket, key, versionId);
    },

    /**
     * The newest version of each key from `from` on that begins with `prefix`, without its body (a version without a
     * data key is a delete marker). Nothing may be written while this is read.
     */
    *list(bucket: string, { prefix, from }: { prefix: string; from: string }): Generator<Version> {
      const rows = database
        .prepare(`SELECT ${FIELDS}, max(seq) FROM s3_objects WHERE bucket = ? AND key >= ? GROUP BY key ORDER BY key`)
        .iterate(bucket, from > prefix ? from : prefix);
      for (const row of rows) {
        const version = versionOf(row);
        if (!version.key.startsWith(prefix)) break;
        yield version;
      }
    },
  };
}

function versionOf(row: Record<string, any>): Version {
  return {
    key: row.key,
    versionId: row.version_id,
    modified: Number(row.modified),
    etag: row.etag,
    size: Number(row.size),
    headers: JSON.parse(row.headers),
    kmsKeyArn: row.kms_key ?? undefined,
    encryptedDataKey: row.data_key ?? undefined,
    encryptedBody: row.body ?? undefined,
  };
}

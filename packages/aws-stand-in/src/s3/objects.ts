/**
 * Buckets and object versions in the stand-in's SQLite file. Bodies are encrypted before they come
 * here.
 */
import type { DatabaseSync } from 'node:sqlite';

export interface Bucket {
  name: string;
  /** Milliseconds since the epoch. */
  created: number;
  versioned: boolean;
  kmsKey?: string | undefined;
}

/** One version of an object; without a body it is a delete marker. */
export interface Version {
  key: string;
  /** `null` in a bucket without versioning, as on S3. */
  versionId: string;
  modified: number;
  etag: string;
  size: number;
  /** The headers that were given with the object, and its checksums. */
  headers: Record<string, any>;
  kmsKeyArn?: string | undefined;
  encryptedDataKey?: Uint8Array | undefined;
  encryptedBody?: Uint8Array | undefined;
}

export type ObjectStore = ReturnType<typeof openObjects>;

const FIELDS = 'key, version_id, modified, etag, size, headers, kms_key, data_key';

export function openObjects(database: DatabaseSync) {
  // `seq` orders the versions of a key. SQLite compares text byte by byte, as S3 sorts keys.
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

    /** The newest version, which may be a delete marker, or the version with this id. */
    find({ bucket, key, versionId }: { bucket: string; key: string; versionId?: string }): Version | undefined {
      const row = versionId === undefined ? newest.get(bucket, key) : byId.get(bucket, key, versionId);
      return row && versionOf(row);
    },

    /**
     * Adds a version on top. It replaces a version with the same id: a bucket without versioning
     * has `null` alone.
     */
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

    remove({ bucket, key, versionId }: { bucket: string; key: string; versionId: string }): void {
      database
        .prepare('DELETE FROM s3_objects WHERE bucket = ? AND key = ? AND version_id = ?')
        .run(bucket, key, versionId);
    },

    /**
     * The newest version of each key that begins with `prefix`, in key order from `from` on,
     * without its body. A version without a data key is a delete marker. Write nothing while this
     * is read.
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

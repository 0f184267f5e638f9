import type { DatabaseSync } from 'node:sqlite';

/**
 * Zones, the record sets of each zone as the API lists them, and the changes that GetChange knows.
 */
export function createTables(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS route53_zones (
      id TEXT PRIMARY KEY, name TEXT NOT NULL, sort_key TEXT NOT NULL, reference TEXT NOT NULL UNIQUE, comment TEXT);
    CREATE TABLE IF NOT EXISTS route53_records (
      zone TEXT NOT NULL, name TEXT NOT NULL, sort_key TEXT NOT NULL, type TEXT NOT NULL, ttl INTEGER NOT NULL,
      record_values TEXT NOT NULL, PRIMARY KEY (zone, sort_key, type));
    CREATE TABLE IF NOT EXISTS route53_changes (id TEXT PRIMARY KEY, submitted INTEGER NOT NULL, comment TEXT);`);
}

/** Lists are sorted by labels from the right: `www.example.com` as `com example www`. */
export function sortKey(name: string): string {
  return name.split('.').reverse().join(' ');
}

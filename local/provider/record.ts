/**
 * The provider's own state over a kill, in one small JSON file. Each part keeps its other data
 * itself.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { RecordSet } from '../../packages/aws-stand-in/src/dns/zone.ts';
import type { Kind } from '../hosts/software.ts';

export interface RecordedHost extends Kind {
  hostName: string;
  /** The last addresses; absent while the host is being made. */
  address?: string;
  gateway?: string;
}

interface Recorded {
  /** The port of the stand-in for AWS stays the same, so that the output of `env` stays true. */
  port: number;
  dnsAddresses?: [string, string];
  hosts: Record<string, RecordedHost>;
  /** The zones of customers with another DNS host. */
  zones: Record<string, RecordSet[]>;
}

export class ProviderRecord {
  readonly #file: string;
  readonly #recorded: Recorded;

  constructor(file: string) {
    this.#file = file;
    this.#recorded = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as Recorded)
      : { port: 0, hosts: {}, zones: {} };
  }

  get now(): Readonly<Recorded> {
    return this.#recorded;
  }

  /**
   * The file is written beside and renamed, so that a kill leaves the old or the new file, never
   * half of one.
   */
  change(edit: (recorded: Recorded) => void): void {
    edit(this.#recorded);
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#recorded, undefined, 2), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

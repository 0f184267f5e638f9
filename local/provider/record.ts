/** What the provider must find again when it was killed, beside what each part keeps itself: one small JSON file. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { RecordSet } from '../../packages/aws-stand-in/src/dns/zone.ts';
import type { Kind } from '../hosts/software.ts';

export interface RecordedHost extends Kind {
  hostName: string;
  /** The addresses it had last; absent while it is being made. */
  address?: string;
  gateway?: string;
}

interface Recorded {
  /** Of the stand-in for AWS: what `env` printed stays true. */
  port: number;
  dnsAddresses?: [string, string];
  hosts: Record<string, RecordedHost>;
  /** Zones of customers whose DNS is elsewhere. */
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

  /** Written beside and renamed: a kill leaves the old or the new, never half of it. */
  change(edit: (recorded: Recorded) => void): void {
    edit(this.#recorded);
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#recorded, undefined, 2), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

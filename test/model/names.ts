/**
 * The public DNS of the model: each name is delegated to the challenge zone, until it is taken
 * away.
 */
import type { Dns } from '../../core/dns/authoritative.ts';
import { challengeTarget } from '../../core/dns/challenge-place.ts';
import { challengeZone } from '../core/world.ts';
import type { MemoryZones } from '../twins/zones.ts';

const SERVER = 'ns1.provider.example';
const PREFIX = '_acme-challenge.';

export class Names {
  /** Domains whose `_acme-challenge` leads to another party. */
  readonly taken = new Set<string>();
  readonly #zones: MemoryZones;

  constructor(zones: MemoryZones) {
    this.#zones = zones;
  }

  /** What every client gets: the end of the CNAME. */
  txt(name: string): string[] {
    const target = this.#alias(name);
    return target === undefined ? [] : this.#values(target);
  }

  #alias(name: string): string | undefined {
    const domain = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    if (domain === undefined) return undefined;
    return this.taken.has(domain) ? `${domain}.other.example` : challengeTarget(domain, challengeZone);
  }

  #values(recordName: string): string[] {
    return this.#zones.txt.get(`${challengeZone.id} ${recordName}`) ?? [];
  }

  readonly dns: Dns = {
    resolve: async (name, type) => {
      if (type === 'CNAME') return [this.#alias(name) ?? []].flat();
      if (type === 'NS') return name === challengeZone.name ? [SERVER] : [];
      if (type === 'A') return name === SERVER ? ['192.0.2.53'] : [];
      return this.#values(name);
    },
    caa: async () => [],
    tlsa: async () => [],
  };
}

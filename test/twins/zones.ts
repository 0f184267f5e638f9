/** Hosted zones in memory, with their TXT record sets as bare values. */
import { SealpostError } from '../../core/errors.ts';
import type { Zones } from '../../core/ports/zones.ts';

export interface MemoryZones extends Zones {
  /** Values by `<zone id> <record name>`, ours and others. */
  txt: Map<string, string[]>;
}

export function memoryZones(zones: { id: string; name: string; nameServers: string[] }[]): MemoryZones {
  const txt = new Map<string, string[]>();
  return {
    txt,
    async findZones(name) {
      const holds = (zone: string) => name === zone || name.endsWith(`.${zone}`);
      const holding = zones.filter(zone => holds(zone.name));
      const longest = Math.max(...holding.map(zone => zone.name.length));
      return holding.filter(zone => zone.name.length === longest);
    },
    async changeTxt(zoneId, changes) {
      if (!zones.some(zone => zone.id === zoneId)) {
        if (changes.every(({ add }) => add.length === 0)) return;
        throw new SealpostError('DomainNotManaged', {
          about: changes[0]!.recordName,
          message: `there is no hosted zone ${zoneId}`,
        });
      }
      for (const { recordName, add, remove } of changes) {
        const key = `${zoneId} ${recordName}`;
        const kept = (txt.get(key) ?? []).filter(value => !remove.includes(value) || add.includes(value));
        const values = [...new Set([...kept, ...add])];
        if (values.length > 0) txt.set(key, values);
        else txt.delete(key);
      }
    },
  };
}

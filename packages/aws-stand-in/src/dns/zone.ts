/** Zones as data. Route 53 and the caller of `startDns` give them to the DNS server. */

export interface RecordSet {
  /** Lower case, no dot at the end. */
  name: string;
  /** `TXT`, `A`, … as listed in `record-data.ts`. */
  type: string;
  /** Seconds. */
  ttl: number;
  /**
   * In presentation format, as Route 53 keeps values: `"text"` with its quotes, `10
   * mx1.example.com`.
   */
  values: string[];
}

export interface Zone {
  name: string;
  records: Map<string, RecordSet[]>;
}

/** The two name servers of every zone. Their own zone is added by the DNS server. */
export const NAME_SERVER_ZONE = 'dns.test';
export const NAME_SERVERS = [`ns1.${NAME_SERVER_ZONE}`, `ns2.${NAME_SERVER_ZONE}`] as const;

/** `Example.TEST.` → `example.test`. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

export function isInZone(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** The NS and SOA sets of every zone, with the times and the serial that Route 53 gives. */
export function apexRecords(zone: string): RecordSet[] {
  return [
    { name: zone, type: 'NS', ttl: 172_800, values: NAME_SERVERS.map(server => `${server}.`) },
    {
      name: zone,
      type: 'SOA',
      ttl: 900,
      values: [`${NAME_SERVERS[0]}. hostmaster.${NAME_SERVER_ZONE}. 1 7200 900 1209600 86400`],
    },
  ];
}

/** Makes a zone of these record sets, and adds NS and SOA where they are absent. */
export function makeZone(name: string, recordSets: RecordSet[]): Zone {
  const zone: Zone = { name: normalName(name), records: new Map() };
  const given = recordSets.map(set => ({ ...set, name: normalName(set.name) }));
  const missing = apexRecords(zone.name).filter(
    apex => !given.some(set => set.name === apex.name && set.type === apex.type),
  );
  for (const set of [...missing, ...given]) {
    if (!isInZone(set.name, zone.name)) throw new Error(`${set.name} is not in the zone ${zone.name}`);
    zone.records.set(set.name, [...(zone.records.get(set.name) ?? []), set]);
  }
  return zone;
}

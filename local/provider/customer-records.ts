/**
 * `dns add`: a record in the zone of a customer with another DNS host, where the customer would use
 * a web page.
 */
import { RECORD_TYPES, resourceRecord } from '../../packages/aws-stand-in/src/dns/record-data.ts';
import { isInZone, normalName } from '../../packages/aws-stand-in/src/dns/zone.ts';
import type { Provider } from './provider.ts';

/** Every name under this zone may be a customer. */
export const CUSTOMERS = 'customer.test';

/**
 * Replaces the record set of this name and type.
 * @throws Error that says what is possible instead
 */
export async function addCustomerRecord(
  provider: Provider,
  added: { name: string; type: string; values: string[] },
): Promise<void> {
  const name = normalName(added.name);
  const type = added.type.toUpperCase();
  const { zones } = provider.record.now;
  const known = [...new Set([CUSTOMERS, ...Object.keys(zones)])];
  const zone = known.filter(zone => isInZone(name, zone)).sort((a, b) => b.length - a.length)[0];
  if (!zone)
    throw new Error(
      `${name} is in no customer's zone (${known.join(', ')}); a zone in Route 53 is made with aws route53 create-hosted-zone`,
    );
  if (!RECORD_TYPES.includes(type))
    throw new Error(`records of type ${type} are not here; ${RECORD_TYPES.join(', ')} are`);
  for (const value of added.values) resourceRecord(name, type, 60, value);
  const others = (zones[zone] ?? []).filter(set => set.name !== name || set.type !== type);
  await provider.setCustomerZone(zone, [...others, { name, type, ttl: 60, values: added.values }]);
}

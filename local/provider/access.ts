/**
 * The provider that runs beside this process, with the same steps as the one that `npm start`
 * starts for itself.
 */
import { Route53Client } from '@aws-sdk/client-route-53';
import { ask } from './control.ts';
import type { Facts } from './facts.ts';
import type { HostFacts, ProviderAccess } from './provider.ts';
import { providerZones } from './zones.ts';

/** @throws NotUp */
export async function accessTo(directory: string): Promise<ProviderAccess> {
  const facts = await ask<Facts>(directory, 'facts');
  const client: ProviderAccess['client'] = (as = 'administrator') => ({
    endpoint: facts.endpoint,
    region: facts.region,
    credentials: facts.credentials[as],
    forcePathStyle: true,
  });
  const hosts = new Map(facts.hosts.map(host => [host.name, host]));
  return {
    roots: facts.roots,
    dns: { addresses: facts.dnsAddresses },
    stack: { outputs: facts.outputs },
    hosts,
    client,
    ...providerZones(new Route53Client(client())),
    setCustomerZone: (name, records) => ask(directory, 'setCustomerZone', { name, records }),
    async addHost({ name, kind }) {
      await ask(directory, 'addHost', { name, kind });
      const added = (await ask<Facts>(directory, 'facts')).hosts.find(host => host.name === name) as HostFacts;
      hosts.set(name, added);
      return added;
    },
  };
}

import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { describe, expect, it } from 'vitest';
import { hostZone, until, untilInstalled } from '../../local/provider/panel.ts';
import { put, road } from './provider.ts';

/**
 * A zone of Route 53 with a domain and a domain under it, and a program of the customer's own that
 * writes challenges there, too.
 */
const [ZONE, UNDER] = ['shared.test', 'shop.shared.test'];
const NAME = `_acme-challenge.${ZONE}.`;

describe('a zone that is shared', () => {
  it("has two domains’ challenges at once, and keeps another program's from before, between and after", async () => {
    await hostZone(road.provider, { domain: ZONE, address: road.mx1.address });
    const zone = await zoneOf(ZONE);
    await zone.add('written before');
    const wishes = [ZONE, UNDER].map(domain => ({ domain, mailServers: [road.mx1.hostName] }));
    await put(road.provider, 'Domain Created', wishes);
    await until('our values beside the other', 60, async () => (await zone.values()).length === 3);
    await zone.add('written between');
    for (const domain of [ZONE, UNDER]) await untilInstalled(road.store, { domain, server: road.mx1.hostName });
    await road.history.untilQuiet();
    await zone.add('written after');
    expect((await zone.values()).sort()).toEqual(['"written after"', '"written before"', '"written between"']);
    // The other domain's record set is deleted, and each domain had one order.
    expect((await zone.sets()).map(({ Name }) => Name)).toEqual([NAME]);
    for (const domain of [ZONE, UNDER]) expect(await road.history.orders(domain)).toHaveLength(1);
    const claims = await Promise.all([ZONE, UNDER].map(published));
    expect(Math.max(...claims.map(({ from }) => from))).toBeLessThan(Math.min(...claims.map(({ to }) => to)));
  }, 120_000);
});

/** The time during which a domain's values were in the zone, by the history of its execution. */
async function published(domain: string): Promise<{ from: number; to: number }> {
  const [execution] = (await road.history.about(domain)).slice(-1);
  const events = await road.history.events(execution!.executionArn!);
  const at = (name: string) =>
    events.find(event => event.stateEnteredEventDetails?.name === name)!.timestamp!.getTime();
  return { from: at('WaitForDns'), to: at('ReleaseDomain') };
}

/**
 * TXT records as a careful program changes them: the old set deleted and the new set created, in
 * one change.
 */
async function zoneOf(domain: string) {
  const client = new Route53Client(road.provider.client());
  const HostedZoneId = await road.zoneId(domain);
  const sets = async () => {
    const { ResourceRecordSets } = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId }));
    return ResourceRecordSets!.filter(set => set.Type === 'TXT');
  };
  const mine = async () => (await sets()).find(set => set.Name === NAME);
  const valuesOf = (set?: ResourceRecordSet) => (set?.ResourceRecords ?? []).map(({ Value }) => Value!);
  return {
    sets,
    values: async () => valuesOf(await mine()),
    add: (text: string) =>
      until(`${text} in the zone`, 10, async () => {
        const before = await mine();
        const ResourceRecords = [...valuesOf(before), `"${text}"`].map(Value => ({ Value }));
        const Changes = [
          ...(before ? [{ Action: 'DELETE' as const, ResourceRecordSet: before }] : []),
          {
            Action: 'CREATE' as const,
            ResourceRecordSet: { Name: NAME, Type: 'TXT' as const, TTL: 60, ResourceRecords },
          },
        ];
        const change = new ChangeResourceRecordSetsCommand({ HostedZoneId, ChangeBatch: { Changes } });
        return client.send(change).catch(error => {
          if (error.name !== 'InvalidChangeBatch') throw error;
          return false as const; // our change came in between
        });
      }),
  };
}

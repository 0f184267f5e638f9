import { Resolver } from 'node:dns/promises';
import { ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { beforeAll, expect, it } from 'vitest';
import { CHALLENGE_ZONE } from '../../local/provider/provider.ts';
import { hostZone, untilInstalled } from '../../local/provider/panel.ts';
import { checkConnections, connections, type Row } from '../../local/table.ts';
import { entered, spentIn, transitions } from './history.ts';
import { customer, put, road } from './provider.ts';

/** A wildcard whose challenge is delegated, and a list of names in a zone of Route 53. */
const DOMAINS = ['bakery.test', 'florist.test'];

export interface Walk {
  /** Milliseconds from the event to the handshake that saw the certificate. */
  installed: number;
  /** Part of `installed`: the wait for the name servers, and the steps that call the CA. */
  waitForDns: number;
  withCa: number;
  /** Part of `installed`: the command on the mail server, from its sending to its answer. */
  command: number;
  requests: number;
}

/** The connections of the table, and the certificate that was first served on each. */
export const firstSeen: Row[] = [];

/** The time and the requests of each domain, in the order of the domains. */
export const walks: Walk[] = [];

/** @param more further domains like the first of DOMAINS */
export function installedSuite(more: string[] = []): void {
  const domains = [...DOMAINS, ...more];

  beforeAll(async () => {
    await hostZone(road.provider, { domain: 'florist.test', address: road.mx1.address });
    // One after the other, so that no domain's time includes another's.
    for (const domain of domains) {
      const wish =
        domain === 'florist.test'
          ? { domain, mailServers: [road.mx1.hostName], policy: 'list', names: ['mail', 'webmail'] }
          : await customer(domain);
      walks.push(await walk(domain, wish));
    }
    firstSeen.push(...(await checkConnections(road.provider, connections(road.mx1.hostName, DOMAINS))));
  }, 300_000);

  it.each(connections('mx1.provider.test', DOMAINS).map(({ name, port, connection }) => [name, port, connection]))(
    '%s on port %d, %s, is trusted by a client that trusts the CA’s root only',
    (name, port, connection) => {
      const { seen } = firstSeen.find(row => row.name === name && row.port === port && row.connection === connection)!;
      expect(seen.reason).toBeUndefined();
      expect(seen.trusted).toBe(true);
    },
  );

  it('has one certificate on all its connections, and no other domain’s', () => {
    const served = DOMAINS.map(
      domain => new Set(firstSeen.filter(row => row.name.endsWith(`.${domain}`)).map(row => row.seen.fingerprint)),
    );
    expect(served.map(set => set.size)).toEqual([1, 1]);
    expect([...served[0]!]).not.toEqual([...served[1]!]);
  });

  it('has the certificate installed that is served', async () => {
    for (const domain of DOMAINS) {
      const installed = await road.store.installed({ server: road.mx1.hostName, domain });
      const seen = firstSeen.find(row => row.name === `mail.${domain}`)!.seen;
      expect(installed!.fingerprint).toBe(seen.fingerprint);
    }
  });

  it('has the issue and the installation of its certificate published', async () => {
    for (const domain of domains) {
      const names = domain === 'florist.test' ? [`mail.${domain}`, `webmail.${domain}`] : [domain, `*.${domain}`];
      const { current } = (await road.store.readDomain(domain))!;
      expect((await road.bus.heard('Certificate Issued', { domain })).detail).toEqual({
        domain,
        names,
        issuer: current!.issuer,
        issuedBy: current!.issuedBy,
        notAfter: new Date(current!.notAfter).toISOString(),
      });
      const { detail } = await road.bus.heard('Certificate Installed', { domain });
      expect(detail).toMatchObject({ server: road.mx1.hostName, fingerprint: current!.fingerprint });
    }
  });

  it('takes at most 9 transitions a certificate', async () => {
    for (const domain of domains)
      expect(Math.max(...(await costs(domain, 'SecureDomain'))), domain).toBeLessThanOrEqual(9);
  });

  it('takes at most 5 transitions a delivery, whatever is in it', async () => {
    expect(Math.max(...(await costs(road.mx1.hostName, 'DeliverToServer')))).toBeLessThanOrEqual(5);
  });

  it('leaves no challenge behind in the zones', async () => {
    await road.history.untilQuiet();
    const client = new Route53Client(road.provider.client());
    const resolver = new Resolver();
    resolver.setServers([road.provider.dns.addresses[0]]);
    for (const zone of [CHALLENGE_ZONE, 'florist.test', 'provider.test']) {
      const HostedZoneId = await road.zoneId(zone);
      const { ResourceRecordSets } = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId }));
      expect(ResourceRecordSets!.filter(set => set.Type === 'TXT')).toEqual([]);
    }
    for (const domain of [...DOMAINS, road.mx1.hostName])
      await expect(resolver.resolveTxt(`_acme-challenge.${domain}`)).rejects.toThrow(/ENODATA|ENOTFOUND/);
  });
}

/** From the event until the certificate is seen served. @returns the time and the requests */
async function walk(domain: string, wish: object): Promise<Walk> {
  const requests = await road.provider.ca.requests();
  const sent = Date.now();
  const [id] = await put(road.provider, 'Domain Created', [wish]);
  await untilInstalled(road.store, { domain, server: road.mx1.hostName });
  const { seenAt } = (await road.store.installed({ server: road.mx1.hostName, domain }))!;
  await road.history.untilQuiet();
  const { executionArn } = await road.history.ended(id!);
  const events = await road.history.events(executionArn!);
  const [delivery] = await road.history.executions(['DeliverToServer']);
  const delivered = await road.history.events(delivery!.executionArn!);
  return {
    installed: seenAt - sent,
    waitForDns: spentIn(events, 'WaitForDns'),
    withCa: ['CreateOrder', 'Validate', 'FinalizeOrder'].reduce((sum, state) => sum + spentIn(events, state), 0),
    command: spentIn(delivered, 'SendDelivery'),
    requests: (await road.provider.ca.requests()) - requests,
  };
}

/** Transitions of each execution that issued a certificate, or of each round of a delivery. */
export async function costs(about: string, machine: 'SecureDomain' | 'DeliverToServer'): Promise<number[]> {
  const found = (await road.history.about(about)).filter(execution => execution.machine === machine);
  const histories = await Promise.all(found.map(({ executionArn }) => road.history.events(executionArn!)));
  return histories.flatMap(events => {
    if (machine === 'SecureDomain') return entered(events).includes('FinalizeOrder') ? [transitions(events)] : [];
    const rounds = entered(events).filter(state => state === 'RecordDelivery').length;
    return rounds > 0 ? [transitions(events) / rounds] : [];
  });
}

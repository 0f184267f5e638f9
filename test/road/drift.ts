import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, it } from 'vitest';
import { auditBy } from '../../aws/audits.ts';
import { until, untilInstalled } from '../../local/provider/panel.ts';
import { checkConnections, connections } from '../../local/table.ts';
import { customer, put, road } from './provider.ts';
import { type } from './typed.ts';

const domain = 'drifter.test';

/** Waits until the server was audited after this moment, and has nothing to do. */
const audited = (since: number) =>
  until('an audit', 180, async () => {
    const record = await road.store.readServer(road.mx1.hostName);
    return record?.audit && record.audit.at > since && record.wanted === record.done && record;
  });

describe('a certificate that was replaced by hand on a mail server', () => {
  it('is found by the audit, delivered again, and published', async () => {
    await put(road.provider, 'Domain Created', [await customer(domain)]);
    await untilInstalled(road.store, { domain, server: road.mx1.hostName });
    const host = road.provider.hosts.get('mx1')!;
    const byHand = `cd /etc/sealpost/live && cat ${road.mx1.hostName}.pem >${domain}.pem && nginx -s reload`;
    expect((await host.run(['sh', '-c', byHand])).exitCode).toBe(0);
    const since = Date.now();
    expect(await type('sealpost audit mx1.provider.test')).toMatchObject({ code: 0 });
    const doctor = await type('sealpost doctor --server mx1.provider.test');
    expect(doctor.output).toMatch(/^postfix +adopted/m);
    const said = await road.bus.heard('Drift Repaired', { domain });
    expect(said.detail).toMatchObject({ server: road.mx1.hostName });
    const unverified = await road.bus.heard('Endpoints Unverified', { server: road.mx1.hostName });
    expect(unverified.detail).toMatchObject({ seenFrom: 'inside', domains: [domain], drifted: 1, silentPorts: [] });
    const { audit } = await audited(since);
    expect(audit!.endpoints).toBeGreaterThanOrEqual(22);
    const rows = await checkConnections(road.provider, connections(road.mx1.hostName, [domain]));
    expect(rows.filter(row => !row.seen.trusted)).toEqual([]);
  }, 300_000);

  it("is followed by an outside check at the address of the server's name, also on port 25 and without SNI", async () => {
    const client = new LambdaClient(road.provider.client());
    const look = async () => {
      await client.send(new InvokeCommand({ FunctionName: 'sealpost-look-from-outside' }));
      return (await road.store.outsides()).find(one => one.server === road.mx1.hostName && one.at !== undefined);
    };
    const outside = await until('a look from outside', 60, look);
    expect(outside).toMatchObject({ unseen: [], verified: outside.endpoints });
    expect(outside).not.toHaveProperty('unreachable');
    // The host name by name and without SNI on 5 mail ports, each domain on these and on 443.
    expect(outside.endpoints).toBeGreaterThanOrEqual(16);
  }, 120_000);

  it('is not audited on a server that is not registered', async () => {
    expect(
      await auditBy(new LambdaClient(road.provider.client()), { stack: 'sealpost', server: 'mx9.provider.test' }),
    ).toBe(false);
  });
});

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { knownItems } from '../../aws/known-items.ts';
import { overview, report } from '../../bin/report.ts';
import { delegationLine } from '../../core/dns/challenge-place.ts';
import { handshake } from '../../local/clients/handshake.ts';
import { CHALLENGE_ZONE } from '../../local/provider/provider.ts';
import { hostZone, until, untilInstalled } from '../../local/provider/panel.ts';
import { checkConnections, connections } from '../../local/table.ts';
import { customer, put, road } from './provider.ts';

const [TYPED, IDN] = ['Bücher.test', 'xn--bcher-kva.test'];
/** Its owner has set the CNAME for the challenge, and no other record that points here. */
const MOVING = 'moving.test';
const SWITCHED = 'switched.test';

describe('names as people type them, and as they change', () => {
  it('a domain that is typed in Unicode is served under its A-label, and shown as both', async () => {
    const wish = await customer(IDN);
    await put(road.provider, 'Domain Created', [{ ...wish, domain: TYPED }]);
    await untilInstalled(road.store, { domain: IDN, server: road.mx1.hostName });
    const rows = await checkConnections(road.provider, connections(road.mx1.hostName, [IDN]));
    expect(rows.filter(row => !row.seen.trusted).map(row => `${row.name} ${row.port} ${row.seen.reason}`)).toEqual([]);
    const table = road.provider.stack.outputs.TableName!;
    const known = await knownItems(new DynamoDBClient(road.provider.client()), table).ofDomain(IDN);
    expect(overview(report(known, Date.now()), Date.now())).toContain(`bücher.test (${IDN})`);
  }, 300_000);

  it('a domain is served here before its MX and its addresses point here', async () => {
    const [name, , target] = delegationLine(MOVING, { name: CHALLENGE_ZONE }).split(' ') as [string, string, string];
    await road.provider.setCustomerZone(MOVING, [
      { name: name.slice(0, -1), type: 'CNAME', ttl: 60, values: [target] },
      { name: MOVING, type: 'MX', ttl: 60, values: ['10 mx.elsewhere.test'] },
    ]);
    await put(road.provider, 'Domain Created', [{ domain: MOVING, mailServers: [road.mx1.hostName] }]);
    await untilInstalled(road.store, { domain: MOVING, server: road.mx1.hostName });
    for (const [label, port] of [
      ['mail', 993],
      ['mail', 25],
      ['webmail', 443],
    ] as const) {
      const look = { address: road.mx1.address, port, name: `${label}.${MOVING}`, roots: road.provider.roots };
      expect(await handshake(look), `${port}`).toMatchObject({ trusted: true });
    }
  }, 300_000);

  it('a wildcard domain that becomes a list is planned again, and an older event changes nothing', async () => {
    // Each name of a list has its own challenge; in a zone of ours no customer must set a CNAME.
    await hostZone(road.provider, { domain: SWITCHED, address: road.mx1.address });
    const wish = { domain: SWITCHED, mailServers: [road.mx1.hostName] };
    await put(road.provider, 'Domain Created', [{ ...wish, version: 1 }]);
    await untilInstalled(road.store, { domain: SWITCHED, server: road.mx1.hostName });
    const list = { ...wish, policy: 'list', names: ['mail', 'webmail', '@'], version: 3 };
    await put(road.provider, 'Domain Changed', [list]);
    const current = await until('the list is served', 120, async () => {
      const { current } = (await road.store.readDomain(SWITCHED))!;
      const installed = await road.store.installed({ server: road.mx1.hostName, domain: SWITCHED });
      return current!.names.length === 3 && installed?.fingerprint === current!.fingerprint && current!;
    });
    expect(current.names).toEqual([SWITCHED, `mail.${SWITCHED}`, `webmail.${SWITCHED}`]);
    const look = { address: road.mx1.address, port: 993, roots: road.provider.roots };
    expect(await handshake({ ...look, name: `mail.${SWITCHED}` })).toMatchObject({
      ...{ trusted: true, fingerprint: current.fingerprint },
    });
    expect(await handshake({ ...look, name: `imap.${SWITCHED}` })).toMatchObject({ trusted: false });
    const [late] = await put(road.provider, 'Domain Changed', [{ ...wish, version: 2 }]);
    expect((await road.history.ended(late!)).status).toBe('SUCCEEDED');
    const after = (await road.store.readDomain(SWITCHED))!;
    expect(after).toMatchObject({ specVersion: 3, spec: { policy: 'list' }, current: { id: current.id } });
  }, 600_000);
});

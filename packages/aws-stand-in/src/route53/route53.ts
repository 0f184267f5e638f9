/**
 * Route 53's public hosted zones. A change is PENDING for a minute and INSYNC after it. The DNS
 * server gets the change then and answers with the old data until then, so that code which does not
 * wait for propagation fails here.
 * Not here: private zones, reusable delegation sets, aliases, routing policies, wildcards, health
 * checks, tags.
 */
import { randomBytes } from 'node:crypto';
import * as model from '@aws-sdk/client-route-53';
import { apexRecords, makeZone, NAME_SERVERS, normalName, type Zone } from '../dns/zone.ts';
import { refuseOthers } from '../service/refusal.ts';
import { applyBatch, readBatch, recordSets, serve } from './changes.ts';
import { limitOf } from './limits.ts';
import { createTables, sortKey } from './tables.ts';
import { AwsError, type Call, type Service, type ServiceFactory } from '../service/service.ts';

export interface Route53 extends Service {
  /**
   * The data that the name servers answer with: every change that is INSYNC. After a restart, this
   * is every accepted change.
   */
  zones(): Zone[];
  /** Calls `to` with the result of `zones()`: now, and whenever a change has become INSYNC. */
  publish(to: (zones: Zone[]) => void): void;
}

/** AWS says "typically within 60 seconds". */
const IN_SYNC_AFTER_MS = 60_000;

/** The page sizes of lists, and the most that a caller may ask for (300 for record sets). */
const PAGE = 100;
const RECORD_SETS_PAGE = 300;

interface ZoneRow {
  id: string;
  name: string;
  reference: string;
  comment: string | null;
}

export const route53: ServiceFactory<Route53> = cloud => {
  const { database } = cloud;
  const inSyncAfterMs = IN_SYNC_AFTER_MS / cloud.pace;
  createTables(database);

  const served = new Map<string, Zone>();
  for (const zone of database.prepare('SELECT * FROM route53_zones ORDER BY rowid').all() as unknown as ZoneRow[])
    served.set(zone.id, makeZone(zone.name, recordSets(database, zone.id)));
  const pending: { due: number; apply: () => void }[] = [];
  const readers: ((zones: Zone[]) => void)[] = [];
  let timer: NodeJS.Timeout | undefined;

  function zones(): Zone[] {
    const before = pending.length;
    while (pending[0] && pending[0].due <= cloud.now()) pending.shift()!.apply();
    const now = [...served.values()];
    if (pending.length < before) for (const tell of readers) tell(now);
    return now;
  }

  function untilNextInSync() {
    clearTimeout(timer);
    zones();
    if (pending[0]) timer = setTimeout(untilNextInSync, Math.max(1, pending[0].due - cloud.now())).unref();
  }

  /** Stores a change. `apply` passes it to the name servers when it is INSYNC. */
  function submit(apply: () => void, comment?: string) {
    const change = { id: newId('C'), submitted: cloud.now(), comment: comment ?? null };
    database
      .prepare('INSERT INTO route53_changes (id, submitted, comment) VALUES (?, ?, ?)')
      .run(change.id, change.submitted, change.comment);
    pending.push({ due: change.submitted + inSyncAfterMs, apply });
    untilNextInSync();
    return changeInfo(change);
  }

  function changeInfo(change: { id: string; submitted: number; comment: string | null }) {
    return {
      Id: `/change/${change.id}`,
      Status: cloud.now() < change.submitted + inSyncAfterMs ? 'PENDING' : 'INSYNC',
      SubmittedAt: new Date(change.submitted),
      Comment: change.comment ?? undefined,
    };
  }

  function open(call: Call, action: string, zoneId: string, context = {}): ZoneRow {
    const id = zoneId.replace(/^\/?hostedzone\//, '');
    call.authorize(`route53:${action}`, `arn:aws:route53:::hostedzone/${id}`, context);
    const row = database.prepare('SELECT * FROM route53_zones WHERE id = ?').get(id);
    if (!row) throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${id}`);
    return row as unknown as ZoneRow;
  }

  function hostedZone(zone: ZoneRow) {
    const { count } = database.prepare('SELECT count(*) AS count FROM route53_records WHERE zone = ?').get(zone.id)!;
    return {
      Id: `/hostedzone/${zone.id}`,
      Name: `${zone.name}.`,
      CallerReference: zone.reference,
      Config: { Comment: zone.comment ?? undefined, PrivateZone: false },
      ResourceRecordSetCount: count as number,
    };
  }

  function createHostedZone(input: any, call: Call) {
    call.authorize('route53:CreateHostedZone', '*');
    refuseOthers('route53:CreateHostedZone', input, ['Name', 'CallerReference', 'HostedZoneConfig']);
    refuseOthers('route53:CreateHostedZone', input.HostedZoneConfig, [
      'Comment',
      // The console and the CLI send `false` for a public zone.
      ...(input.HostedZoneConfig?.PrivateZone ? [] : ['PrivateZone']),
    ]);
    const name = normalName(input.Name);
    if (!/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9-]+$/.test(name) || name.length > 253)
      throw new AwsError('InvalidDomainName', `${input.Name} is not a valid domain name`);
    if (database.prepare('SELECT 1 FROM route53_zones WHERE reference = ?').get(input.CallerReference)) {
      const message = 'A hosted zone has already been created with the specified caller reference.';
      throw new AwsError('HostedZoneAlreadyExists', message, { status: 409 });
    }
    const zone: ZoneRow = {
      id: newId('Z'),
      name,
      reference: input.CallerReference,
      comment: input.HostedZoneConfig?.Comment ?? null,
    };
    database
      .prepare('INSERT INTO route53_zones (id, name, sort_key, reference, comment) VALUES (?, ?, ?, ?, ?)')
      .run(zone.id, zone.name, sortKey(zone.name), zone.reference, zone.comment);
    const insert = database.prepare('INSERT INTO route53_records VALUES (?, ?, ?, ?, ?, ?)');
    for (const set of apexRecords(name))
      insert.run(zone.id, set.name, sortKey(set.name), set.type, set.ttl, JSON.stringify(set.values));
    return {
      HostedZone: hostedZone(zone),
      ChangeInfo: submit(() => served.set(zone.id, makeZone(name, []))),
      DelegationSet: { NameServers: [...NAME_SERVERS] },
      Location: `https://route53.amazonaws.com/2013-04-01/hostedzone/${zone.id}`,
    };
  }

  function deleteHostedZone(input: any, call: Call) {
    const zone = open(call, 'DeleteHostedZone', input.Id);
    if (hostedZone(zone).ResourceRecordSetCount > apexRecords(zone.name).length) {
      const message = 'The specified hosted zone contains non-required resource record sets and so cannot be deleted.';
      throw new AwsError('HostedZoneNotEmpty', message);
    }
    database.prepare('DELETE FROM route53_records WHERE zone = ?').run(zone.id);
    database.prepare('DELETE FROM route53_zones WHERE id = ?').run(zone.id);
    return { ChangeInfo: submit(() => served.delete(zone.id)) };
  }

  function listHostedZones(input: any, call: Call) {
    call.authorize('route53:ListHostedZones', '*');
    refuseOthers('route53:ListHostedZones', input, ['Marker', 'MaxItems']);
    const limit = Math.min(input.MaxItems ?? PAGE, PAGE);
    const rows = database
      .prepare('SELECT * FROM route53_zones WHERE id >= ? ORDER BY id LIMIT ?')
      .all(input.Marker ?? '', limit + 1) as unknown as ZoneRow[];
    const next = rows[limit];
    return {
      HostedZones: rows.slice(0, limit).map(hostedZone),
      Marker: input.Marker,
      MaxItems: limit,
      IsTruncated: next !== undefined,
      NextMarker: next?.id,
    };
  }

  function listHostedZonesByName(input: any, call: Call) {
    call.authorize('route53:ListHostedZonesByName', '*');
    refuseOthers('route53:ListHostedZonesByName', input, ['DNSName', 'HostedZoneId', 'MaxItems']);
    if (input.HostedZoneId !== undefined && input.DNSName === undefined)
      throw new AwsError('InvalidInput', 'The input is not valid: a hosted zone to begin at needs its DNS name');
    const limit = Math.min(input.MaxItems ?? PAGE, PAGE);
    const first = input.DNSName === undefined ? '' : sortKey(normalName(input.DNSName));
    const rows = database
      .prepare('SELECT * FROM route53_zones WHERE (sort_key, id) >= (?, ?) ORDER BY sort_key, id LIMIT ?')
      .all(first, input.HostedZoneId ?? '', limit + 1) as unknown as ZoneRow[];
    const next = rows[limit];
    return {
      HostedZones: rows.slice(0, limit).map(hostedZone),
      DNSName: input.DNSName,
      HostedZoneId: input.HostedZoneId,
      MaxItems: limit,
      IsTruncated: next !== undefined,
      NextDNSName: next && `${next.name}.`,
      NextHostedZoneId: next?.id,
    };
  }

  function listResourceRecordSets(input: any, call: Call) {
    refuseOthers('route53:ListResourceRecordSets', input, [
      'HostedZoneId',
      'StartRecordName',
      'StartRecordType',
      'MaxItems',
    ]);
    const zone = open(call, 'ListResourceRecordSets', input.HostedZoneId);
    if (input.StartRecordType !== undefined && input.StartRecordName === undefined)
      throw new AwsError('InvalidInput', 'The input is not valid: a start type needs a start name');
    const limit = Math.min(input.MaxItems ?? RECORD_SETS_PAGE, RECORD_SETS_PAGE);
    const start = input.StartRecordName && { name: normalName(input.StartRecordName), type: input.StartRecordType };
    const sets = recordSets(database, zone.id, start, limit + 1);
    const next = sets[limit];
    return {
      ResourceRecordSets: sets.slice(0, limit).map(set => ({
        Name: `${set.name}.`,
        Type: set.type,
        TTL: set.ttl,
        ResourceRecords: set.values.map(Value => ({ Value })),
      })),
      IsTruncated: next !== undefined,
      NextRecordName: next && `${next.name}.`,
      NextRecordType: next?.type,
      MaxItems: limit,
    };
  }

  function changeResourceRecordSets(input: any, call: Call) {
    const changes = readBatch(input.ChangeBatch);
    const list = (of: (change: (typeof changes)[number]) => string) => [...new Set(changes.map(of))];
    const zone = open(call, 'ChangeResourceRecordSets', input.HostedZoneId, {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': list(change => change.set.name),
      'route53:ChangeResourceRecordSetsRecordTypes': list(change => change.set.type),
      'route53:ChangeResourceRecordSetsActions': list(change => change.action),
    });
    applyBatch(database, zone, changes);
    return { ChangeInfo: submit(() => serve(served.get(zone.id), changes), input.ChangeBatch.Comment) };
  }

  return {
    name: 'route53',
    model,
    client: 'Route53Client',
    zones,
    publish(to) {
      readers.push(to);
      to(zones());
    },
    stop: () => clearTimeout(timer),
    operations: {
      CreateHostedZone: createHostedZone,
      DeleteHostedZone: deleteHostedZone,
      GetHostedZone(input, call) {
        const zone = open(call, 'GetHostedZone', input.Id);
        return { HostedZone: hostedZone(zone), DelegationSet: { NameServers: [...NAME_SERVERS] } };
      },
      GetHostedZoneLimit({ HostedZoneId, Type }, call) {
        const { ResourceRecordSetCount: Count } = hostedZone(open(call, 'GetHostedZoneLimit', HostedZoneId));
        return limitOf(Type, Count);
      },
      ListHostedZones: listHostedZones,
      ListHostedZonesByName: listHostedZonesByName,
      ListResourceRecordSets: listResourceRecordSets,
      ChangeResourceRecordSets: changeResourceRecordSets,
      GetChange(input, call) {
        const id = input.Id.replace(/^\/?change\//, '');
        call.authorize('route53:GetChange', `arn:aws:route53:::change/${id}`);
        const row = database.prepare('SELECT * FROM route53_changes WHERE id = ?').get(id);
        if (!row) throw new AwsError('NoSuchChange', `Could not find resource with ID: ${id}`);
        zones(); // the name servers answer with the change by the time it is called INSYNC
        return { ChangeInfo: changeInfo(row as any) };
      },
    },
  };
};

function newId(letter: string): string {
  return letter + randomBytes(10).toString('hex').toUpperCase();
}

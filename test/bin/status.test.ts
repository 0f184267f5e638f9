/** `sealpost status` of a fleet with audits, a bought certificate and a copy in ACM. */
import { expect, test } from 'vitest';
import { json } from '../../bin/json.ts';
import { overview, report } from '../../bin/report.ts';
import type { DomainRecord } from '../../core/record/domain.ts';
import type { ServerRecord } from '../../core/record/server.ts';
import type { Known } from '../../core/status/known.ts';
import { certificate, domain, minute, mx1, mx2, now, wish } from '../aws/store.stage.ts';

const hour = 60 * minute;
const day = 24 * hour;
const node = 'mi-0123456789abcdef0';

const server = (name: string, more: Partial<ServerRecord>): ServerRecord => ({
  ...{ server: name, node, roleId: 'AROAEXAMPLE', adopt: true, registeredAt: now - 9 * day, dueAt: now + hour },
  ...{ capability: { os: ['debian'] }, hostSecuredAt: now - 9 * day, wanted: 1, done: 1, seq: 1 },
  ...more,
});
const bought = { ...certificate(), notBefore: now - 80 * day, notAfter: now + 10 * day, renewAt: now + 3 * day };
const hosted: DomainRecord = {
  ...{ domain, spec: { ...wish(), acm: true }, specAt: now, wanted: 1, done: 1, current: certificate() },
  provided: { webmail: bought },
};
const audit = { at: now - 3 * hour, oldest: now - 3 * hour, endpoints: 412 };

function fleet(...servers: ServerRecord[]): Known {
  const alone = (record: ServerRecord) => ({ record, work: new Map(), installed: new Map() });
  return {
    domains: [hosted],
    servers: new Map(servers.map(record => [record.server, alone(record)])),
    issuers: [],
  };
}

test('says how many endpoints are verified, and how old the oldest look is', () => {
  const text = overview(report(fleet(server(mx1, { audit })), now), now);
  expect(text).toContain('\n412 of 412 endpoints verified, oldest look 3 h ago');
  expect(text).not.toContain('Not verified');
});

test('lists the others with the reason, each server’s', () => {
  const dead = server(mx2, { audit: { ...audit, oldest: now - 5 * hour, dead: { '443': 30 } } });
  const text = overview(report(fleet(server(mx1, { audit }), dead), now), now);
  expect(text).toContain('\n794 of 824 endpoints verified, oldest look 5 h ago');
  expect(text).toMatch(new RegExp(`Not verified[^]*\\n${mx2} .*443 .*does not now`));
  expect(text).toMatch(/\n {2}→ \S/);
});

test('has every moment in ISO 8601 for a program, none as a number', () => {
  const text = json(report(fleet(server(mx1, { audit })), now));
  expect(text).toContain(`"oldest": "${new Date(now - 3 * hour).toISOString()}"`);
  expect(text).toMatch(/"takenOverAt": "20\d\d-/);
  expect(text.match(/\b\d{12,}\b/g) ?? []).toEqual([]);
});

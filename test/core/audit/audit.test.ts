import { describe, expect, test } from 'vitest';
import { auditDueAt, findings, MAX_ROWS, rowLine, rowsOf, summary } from '../../../core/audit/audit.ts';
import { parseAudit } from '../../../core/audit/audit-answer.ts';
import { day, mx1, mx2 } from '../world.ts';
import type { Row } from '../../../core/record/audit.ts';

const leaf = 'f'.repeat(64);
const quiet = { from: 1, to: 5 };
const all = [465, 25, 587, 993, 143, 995, 110, 443];
const row = (domain: string, webmail = true): Row => ({
  ...{ domain, leaf, mail: `mail.${domain}` },
  ...(webmail && { webmail: `webmail.${domain}` }),
});
const host: Row[] = rowsOf(mx1, [{ leaf, mail: mx1, default: true }]);
const ports = (list: number[] = all) => `fact audit-ports ${list.join(',')}`;

describe('the audit lines of an answer', () => {
  const parse = (...lines: string[]) => parseAudit(lines.join('\n').split('\n'));

  test('have the ports and the number of the last row, and nothing of rows that are as they should be', () => {
    expect(parse(ports(), 'audited 412', '')).toEqual({
      ...{ ports: all, dead: [], places: {}, lost: [], reached: 412 },
      unseen: new Map(),
    });
  });

  test("name the daemons that no longer read sealpost's configuration", () => {
    const lines = ['fact audit-lost postfix', 'fact audit-lost dovecot', 'fact audit-lost /etc/passwd'];
    expect(parse(ports(), ...lines, 'audited 2')!.lost).toEqual(['postfix', 'dovecot']);
  });

  test('name rows by steps, with the ports of each set, over several lines', () => {
    const lines = ['unseen 25,465 3 1x2', 'unseen all 7', 'unseen 25,465 10', 'audited 20'];
    expect(parse(ports(), 'fact audit-dead 443', ...lines)).toEqual({
      ...{ ports: all, dead: [443], places: {}, lost: [], reached: 20 },
      unseen: new Map<number, unknown>([...[3, 4, 5, 15].map(n => [n, [25, 465]] as const), [7, 'all']]),
    });
  });

  test('that were cut are believed up to the last whole line, and nothing is known of later rows', () => {
    const { unseen, reached } = parse(ports(), 'unseen 25 3 4', 'unseen 465 1 15')!;
    expect([...unseen.keys()]).toEqual([3, 7]);
    expect(reached).toBeUndefined();
  });

  test('are absent if the server did not reach its audit', () => {
    expect(parse('ss', 'fact free-kb 12')).toBeUndefined();
  });

  test('do no harm, whatever a server makes up', () => {
    const { unseen } = parse(ports(), 'unseen 25 999999x999999', 'unseen 25 1x999999', 'audited 3')!;
    expect(unseen.size).toBeLessThanOrEqual(100_000);
  });

  test('name no more rows in all their lines together: 1,250 such lines took 29 s', () => {
    const { unseen } = parse(ports(), 'unseen 25 1x60000', 'unseen 465 1x60000', 'unseen 993 1x60000', 'audited 3')!;
    expect([40_000, 50_000].map(row => unseen.get(row))).toEqual([[465], [25]]);
  });
});

describe('the findings of an audit', () => {
  const rows = [...host, row('a.test'), row('b.test', false)];
  const found = (...lines: string[]) => findings(rows, parseAudit([...lines, ''].join('\n').split('\n'))!, all);

  test('count each name on each port that should serve it', () => {
    // The host name by name and without a name on 7 mail ports, a.test on 8, b.test on 7.
    expect(found(ports(), 'audited 4')).toMatchObject({ endpoints: 29, reached: 4, dead: {}, isComplete: true });
  });

  test('give a domain with its ports; a row that no port showed lacks all', () => {
    const { unseen } = found(ports(), 'unseen 25,465 2', 'unseen all 3', 'audited 4');
    expect([...unseen]).toEqual([
      [mx1, [465, 25]],
      ['a.test', all],
    ]);
  });

  test("count a dead port's endpoints as unverified, and as no domain's drift", () => {
    const { unseen, dead, endpoints } = found(
      ports(all.slice(0, 7)),
      'fact audit-dead 443',
      'unseen all 4',
      'audited 4',
    );
    expect({ unseen: [...unseen.keys()], dead, endpoints }).toEqual({
      ...{ unseen: ['b.test'], dead: { '443': 1 }, endpoints: 29 },
    });
  });

  test('are all rows of a server on which nothing of sealpost is left', () => {
    const { unseen, endpoints } = found('fact audit-ports ', 'unseen all 1x4', 'audited 4');
    expect([...unseen.keys()]).toEqual([mx1, 'a.test', 'b.test']);
    expect(endpoints).toBe(29);
  });

  test('end at the row at which the audit ended', () => {
    const { endpoints, reached } = found(ports(), 'audited 2');
    expect({ endpoints, reached }).toEqual({ endpoints: 14, reached: 2 });
  });

  test('of ten thousand rows, half of which differ, name each of these', () => {
    const many = Array.from({ length: MAX_ROWS }, (_, n) => row(`d${n}.test`));
    const answer = parseAudit([ports(), `unseen 25,465,587 ${Array(5_000).fill('2').join(' ')}`, 'audited 10000'])!;
    expect(findings(many, answer, all)).toMatchObject({ endpoints: 80_000, reached: MAX_ROWS });
    expect(findings(many, answer, all).unseen.size).toBe(5_000);
  });
});

describe('the summary', () => {
  const found = { reached: 10, endpoints: 80, dead: {}, places: {}, unseen: new Map(), isComplete: true };
  test('of one audit that saw everything is as old as this audit', () => {
    expect(summary(undefined, found, undefined, 5)).toEqual({ at: 5, oldest: 5, endpoints: 80 });
  });

  test('of a server that needs several audits is as old as the first, and complete when the last is done', () => {
    const whole = summary(undefined, found, undefined, 1);
    const first = summary(whole, found, 'm.test', 10);
    expect(first).toEqual({ at: 10, oldest: 1, endpoints: 80, lap: { after: 'm.test', began: 10, endpoints: 80 } });
    expect(summary(first, found, undefined, 20)).toEqual({ at: 20, oldest: 10, endpoints: 160 });
  });
});

describe('an audit is due', () => {
  const at = 1_800_000_000_000;
  const server = { server: mx1, capability: {}, hostSecuredAt: at };

  test('not before anything can have been installed', () => {
    expect(auditDueAt({ server: mx1 }, quiet)).toBeUndefined();
    expect(auditDueAt({ server: mx1, capability: {} }, quiet)).toBeUndefined();
  });

  test("once a day, at the server's own moment", () => {
    const due = auditDueAt(server, quiet)!;
    expect(due - at).toBeGreaterThanOrEqual(day / 2);
    expect(due - at).toBeLessThan(1.5 * day);
    const audit = { at: due + 60_000, oldest: due, endpoints: 1 };
    expect(auditDueAt({ ...server, audit }, quiet)).toBe(due + day);
    expect(auditDueAt({ ...server, server: mx2 }, quiet)! % day).not.toBe(due % day);
    // The moment is in the quiet hours, where calm work waits for the same moment.
    expect(due % day).toBeGreaterThanOrEqual(day / 24);
    expect(due % day).toBeLessThan((5 * day) / 24);
  });

  test('when an operator asked for it', () => {
    expect(auditDueAt({ ...server, auditAsked: at + 1 }, quiet)).toBe(at + 1);
  });
});

test('a row is a line that the installer reads', () => {
  expect(
    [...host, row('a.test'), { domain: 'b.test', for: 'webmail' as const, leaf, webmail: 'webmail.b.test' }].map(
      rowLine,
    ),
  ).toEqual([
    `look ${mx1} ${leaf} ${mx1} -`,
    `look ${mx1} ${leaf} default -`,
    `look a.test ${leaf} mail.a.test webmail.a.test`,
    `look b.test@webmail ${leaf} - webmail.b.test`,
  ]);
});

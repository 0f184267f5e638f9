/** The delivery, as the cloud writes it and as the installer for Linux reads it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { writeDelivery } from '../../core/deliver-to-server/delivery.ts';
import type { Delivery, DeliveryEntry } from '../../core/record/delivery.ts';
import { safeName } from './names.ts';
import { property, type Property } from './property.ts';

const PART = join(import.meta.dirname, '../../install/parts/delivery.sh');
export const NOW = 1_800_000_000_000;

/** What a reader understood, in one form for all readers. */
export interface Read {
  /** Server, sequence number, times, mode and consent. */
  head: string[];
  entries: {
    verb: string;
    place: string;
    kind: string;
    certificate: string;
    leaf: string;
    mail: string;
    web: string;
    names: string[];
    pem: string;
  }[];
  rows: string[];
  roots: string;
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const name = fc.tuple(label, fc.constantFrom('example', 'test.example')).map(parts => parts.join('.'));
const hash = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const block = (kind: string) =>
  fc.uint8Array({ minLength: 1, maxLength: 90 }).map(
    bytes =>
      `-----BEGIN ${kind}-----\n${Buffer.from(bytes)
        .toString('base64')
        .replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${kind}-----\n`,
  );
const pem = fc
  .tuple(block('PRIVATE KEY'), block('CERTIFICATE'), fc.array(block('CERTIFICATE'), { maxLength: 2 }))
  .map(parts => parts.flat().join(''));
const install = (domain: string) =>
  fc.record({
    certificate: hash,
    fingerprint: hash,
    names: fc.constantFrom<string[]>([domain], [domain, `*.${domain}`], [`mail.${domain}`]),
    probe: fc.constantFrom<{ mail?: string; webmail?: string }>(
      { mail: `mail.${domain}` },
      { webmail: `webmail.${domain}` },
      { mail: `mail.${domain}`, webmail: `webmail.${domain}` },
    ),
    pem,
    life: fc.constant({ notBefore: 1, notAfter: 2 }),
  });
const v = fc.nat();
/** The entries of one domain: one certificate, one for each use, or none. */
const ofDomain = (domain: string): fc.Arbitrary<DeliveryEntry[]> =>
  fc.oneof(
    fc
      .tuple(v, install(domain), fc.boolean())
      .map(([v, install, host]) => [{ domain, v, install, ...(host && { host }) }]),
    fc.tuple(v, install(domain), install(domain)).map(([v, mail, webmail]) => [
      { domain, v, for: 'mail' as const, install: mail },
      { domain, v, for: 'webmail' as const, install: webmail },
    ]),
    v.map(v => [{ domain, v }]),
  );
const row = fc.record(
  { domain: name, leaf: hash, for: fc.constantFrom('mail' as const, 'webmail' as const), mail: name, webmail: name },
  { requiredKeys: ['domain', 'leaf'] },
);
export const deliveries: fc.Arbitrary<Delivery> = fc.record(
  {
    server: name,
    seq: fc.nat(),
    mode: fc.constantFrom('install', 'inspect', 'verify'),
    adopt: fc.constantFrom(true, false, 'with-losses' as const),
    webmail: fc.record({ name, file: fc.constantFrom('/etc/web/sites/webmail.conf', '/srv/a_b+c@d=e.conf') }),
    leaveOut: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 2 }),
    roots: fc.array(block('CERTIFICATE'), { maxLength: 2 }).map(all => all.join('# a comment\n')),
    entries: fc
      .uniqueArray(name, { maxLength: 4 })
      .chain(names => fc.tuple(...names.map(ofDomain)).map(all => all.flat())),
    rows: fc.array(row, { maxLength: 3 }),
  },
  { requiredKeys: ['server', 'seq', 'mode', 'roots', 'entries'] },
);

/** What each reader should have understood. */
export function meant(delivery: Delivery): Read {
  const issued = NOW / 1000;
  const { server, seq, mode, adopt, entries, rows = [], roots } = delivery;
  const consent = adopt === true ? 'yes' : adopt || 'no';
  return {
    head: [server, seq, issued, issued + 2_700, mode, consent].map(String),
    entries: entries.map(({ domain, host, for: use, install }) => ({
      ...{
        verb: install ? 'install' : 'remove',
        place: use ? `${domain}@${use}` : domain,
        kind: host ? 'host' : (use ?? 'domain'),
      },
      ...{ certificate: install?.certificate ?? '-', leaf: install?.fingerprint ?? '-' },
      ...{ mail: install?.probe.mail ?? '-', web: install?.probe.webmail ?? '-' },
      ...{ names: install?.names ?? [], pem: install?.pem ?? '' },
    })),
    rows: rows.map(({ domain, for: use, leaf, mail = '-', webmail = '-' }) =>
      [use ? `${domain}@${use}` : domain, leaf, mail, webmail].join(' '),
    ),
    roots: roots.replaceAll('# a comment\n', ''),
  };
}

/** @returns undefined if the reader refused the text. @throws if it left what it must not leave */
export function readBySh(text: string): Read | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-read-'));
  try {
    const inside = join(directory, 'tx');
    mkdirSync(join(inside, 'new'), { recursive: true });
    writeFileSync(join(directory, 'delivery'), text);
    const script = `. ${PART}; cd ${directory}
      read_head delivery >head || exit 1
      read -r server seq issued_at not_after mode adopt entries webmail <head
      split_delivery delivery tx 2>why`;
    const { status } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    const read = (path: string) => readFileSync(join(directory, path), 'latin1');
    const left = readdirSync(directory).filter(path => !['delivery', 'head', 'tx', 'why'].includes(path));
    assert.deepEqual(left, [], 'files beside the transaction');
    const placed = status === 1 && !readdirSync(inside).includes('entries') ? [] : readdirSync(join(inside, 'new'));
    for (const file of placed) assert.match(file.replace(/(@(mail|webmail))?\.pem$/, ''), safeName);
    if (status !== 0) return undefined;
    const lines = (path: string) => read(path).split('\n').slice(0, -1);
    const entries = lines('tx/entries').map(line => {
      const [, verb, place, kind, certificate, leaf, mail, web, ...names] = line.split(' ') as string[];
      const hasPem = placed.includes(`${place}.pem`);
      return {
        verb,
        place,
        kind,
        certificate,
        leaf,
        mail,
        web,
        names,
        pem: hasPem ? read(`tx/new/${place}.pem`) : '',
      } as Read['entries'][number];
    });
    return {
      head: read('head').trim().split(' ').slice(0, 6),
      entries: entries.map(one => ({ ...one, names: one.names.filter(each => each !== '-' && each !== '') })),
      rows: lines('tx/rows').map(line => line.slice(line.indexOf(' ') + 1)),
      roots: read('tx/roots.pem'),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Where a line is changed, and how. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  how: fc.oneof(
    fc.constantFrom('drop', 'twice', 'swap', 'cut', 'join'),
    fc.record({
      word: fc.nat({ max: 8 }),
      put: fc.oneof(
        fc.constantFrom(
          '-',
          '',
          'install',
          'remove',
          'mail',
          'webmail',
          'host',
          'end',
          'entry',
          'roots',
          'look',
          'names',
          'probe',
        ),
        fc.constantFrom(
          '../x',
          '/tmp/x',
          '$(id)',
          '`id`',
          ';id',
          'a b',
          'a\tb',
          '"x"',
          'A.example',
          '*.*.example',
          'é.example',
          'a..b',
          '-x.example',
        ),
        fc.constantFrom(
          '9'.repeat(12),
          '0',
          '-1',
          '1e3',
          '0x1',
          '\0',
          '\r',
          '\u2028',
          '\x0b',
          'a'.repeat(64),
          `${'a.'.repeat(130)}example`,
        ),
        name,
        fc.string({ unit: 'binary', maxLength: 6 }),
      ),
    }),
  ),
});
export const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

export function mutated(text: string, by: { at: number; how: string | { word: number; put: string } }[]): string {
  const lines = text.split('\n').slice(0, -1);
  for (const { at, how } of by) {
    const i = Math.floor(at * lines.length) % lines.length;
    const line = lines[i]!;
    if (how === 'drop') lines.splice(i, 1);
    else if (how === 'twice') lines.splice(i, 0, line);
    else if (how === 'swap') lines.splice(i, 2, lines[i + 1] ?? '', line);
    else if (how === 'cut') lines.splice(i + 1);
    else if (how === 'join') lines.splice(i, 2, `${line} ${lines[i + 1] ?? ''}`);
    else if (typeof how === 'object')
      lines[i] = line
        .split(' ')
        .map((word, n) => (n === how.word ? how.put : word))
        .join(' ');
    if (lines.length === 0) lines.push('');
  }
  return `${lines.join('\n')}\n`;
}

/** What may be installed from a text that was read. */
export function isWhole({ entries, head, roots }: Read, text: string): void {
  const places = entries.map(({ place }) => place);
  assert.equal(new Set(places).size, places.length, 'each place once');
  assert.equal(entries.length, Number(/^entries (\d+)$/m.exec(text)![1]), 'as many as are announced');
  assert.match(text, /^end$/m);
  assert.match(head[0]!, safeName);
  const removed = entries.flatMap(({ verb, place }) => (verb === 'remove' ? [place] : []));
  for (const { verb, place, kind, certificate, leaf, mail, web, names, pem } of entries) {
    const [domain] = place.split('@') as [string];
    assert.match(domain, safeName);
    assert.ok(['host', 'domain', 'mail', 'webmail'].includes(kind), kind);
    for (const one of [mail, web]) if (one !== '-') assert.match(one, safeName);
    for (const one of names) assert.match(one.replace(/^\*\./, ''), safeName);
    assert.ok(
      pem.split('\n').every(line => /^(-----(BEGIN|END) [A-Z ]+-----|[A-Za-z0-9+/=]*)$/.test(line)),
      pem,
    );
    if (verb === 'remove') assert.equal(pem, '', 'what is removed has no key');
    else {
      assert.ok(!removed.includes(domain), 'a domain is not installed and removed');
      for (const one of [certificate, leaf]) assert.match(one, /^[0-9a-f]{64}$/);
      assert.ok(names.length > 0 && pem !== '', 'an installation has names and a key');
    }
  }
  assert.doesNotMatch(roots, /PRIVATE/, 'no key is a root');
}

export const delivery: Property[] = [
  property('a delivery that was written is read the same', {
    runs: 100,
    of: deliveries,
    holds: given => {
      const { text } = writeDelivery(given, NOW);
      assert.deepEqual(readBySh(text), meant(given));
    },
  }),
  property('a delivery that was changed is refused, or is whole and safe', {
    runs: 300,
    of: fc.tuple(deliveries, mutations),
    holds: ([given, by]) => {
      const text = mutated(writeDelivery(given, NOW).text, by);
      const read = readBySh(text);
      if (read) isWhole(read, text);
    },
  }),
];

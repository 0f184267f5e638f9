/**
 * The installer's lists and maps, and a daemon's own file with our lines in it: what is a
 * neighbour's stays, line by line. The functions are the installer's; programs of daemons are
 * stand-ins.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { property, type Property } from './property.ts';

const INSTALL = join(import.meta.dirname, '../../install');

/** Runs a shell script in a directory with these files. @returns what it wrote, by file */
function run(files: Record<string, string>, script: string): (file: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-maps-'));
  try {
    for (const folder of ['home/live', 'home/host', 'home/tx/new', 'home/tx/old', 'run'])
      mkdirSync(join(directory, folder), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `set -eu; cd ${directory}; home=$PWD/home run=$PWD/run; ${script}`],
      {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C' },
      },
    );
    assert.equal(status, 0, stderr);
    const read = (file: string) => readFileSync(join(directory, file), 'utf8');
    const all = Object.fromEntries(
      spawnSync('find', ['.', '-type', 'f', '-printf', '%P\n'], { cwd: directory, encoding: 'utf8' })
        .stdout.split('\n')
        .filter(file => file !== '')
        .map(file => [file, read(file)]),
    );
    return file => all[file] ?? '';
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const lines = (text: string) => text.split('\n').slice(0, -1);
const text = (all: string[]) => all.map(line => `${line}\n`).join('');

/** A line of the list `domains`: place kind id leaf mail-name web-name names… */
interface Listed {
  domain: string;
  use: '' | '@mail' | '@webmail';
  version: number;
  isWild: boolean;
}
const placeOf = ({ domain, use }: Listed) => `${domain}${use}`;
const namesOf = ({ domain, use, isWild }: Listed) =>
  use === '' ? [domain, isWild ? `*.${domain}` : `mail.${domain}`] : [`${use.slice(1)}.${domain}`];
const lineOf = (one: Listed) => {
  const { domain, use, version } = one;
  const id = String(version).padStart(64, '0');
  const [mail, web] = [use === '@webmail' ? '-' : `mail.${domain}`, use === '@mail' ? '-' : `webmail.${domain}`];
  return [placeOf(one), use === '' ? 'domain' : use.slice(1), id, id, mail, web, ...namesOf(one)].join(' ');
};
const DOMAINS = ['a.example', 'b.example', 'c.example', 'ab.example', 'a.example.example'];
const listed = (domain: string, version: number) =>
  fc.oneof(
    fc.boolean().map((isWild): Listed[] => [{ domain, use: '', version, isWild }]),
    fc.constant<Listed[]>([
      { domain, use: '@mail', version, isWild: false },
      { domain, use: '@webmail', version, isWild: false },
    ]),
    fc.constant<Listed[]>([]),
  );
const list = (version: number) => fc.tuple(...DOMAINS.map(domain => listed(domain, version))).map(all => all.flat());
const ofDomain = (all: Listed[], domain: string) => all.filter(one => one.domain === domain);

/** A list, what a delivery changes in it, and the domains whose change fails. */
const delivery = fc.record({
  before: list(1),
  wanted: list(2),
  moved: fc.subarray(DOMAINS),
  failing: fc.subarray(DOMAINS),
});

/** Postfix's own map in a file: a name and its value on a line. */
const POSTMAP = `postmap() {
  case "$*" in
    "-d - "*) awk 'NR == FNR { gone[$1] = 1; next } !($1 in gone)' - map >map.new; mv map.new map ;;
    *"-Fq - "*)
      awk 'NR == FNR { value[$1] = $2; next } $1 in value { print $1 "\\t" value[$1] }' map - ;;
    *-r*)
      awk 'NR == FNR { put[$1] = $2; next } !($1 in put) { print }
        END { for (key in put) print key, put[key] }' - map >map.new
      mv map.new map ;;
    *) exit 9 ;;
  esac
}`;

/** Lines of a configuration as people write it. */
const own = fc.array(
  fc.constantFrom('', '# a comment', 'setting = 1', 'setting = 2', '  indented', '> odd', '< odd', '3c3', '---', '\\'),
  {
    maxLength: 12,
  },
);

export const maps: Property[] = [
  property('the list of a server keeps each line of a domain that a delivery does not name, and of one that fails', {
    runs: 40,
    of: delivery,
    holds: ({ before, wanted, moved, failing }) => {
      const places = (all: Listed[], domains: string[]) => all.filter(({ domain }) => domains.includes(domain));
      const installed = places(wanted, moved);
      const gone = places(before, moved).filter(one => !installed.some(other => placeOf(other) === placeOf(one)));
      const go = [
        ...installed.map((one, at) => `${at + 1} install ${lineOf(one)}`),
        ...gone.map((one, at) => `${installed.length + at + 1} remove ${placeOf(one)} domain - - - -`),
      ];
      const back = places([...installed, ...gone], failing).map(one => `${placeOf(one)} some-daemon 993 127.0.0.1`);
      const of = run(
        { 'home/domains': text(before.map(lineOf)), 'run/go': text(go), 'home/tx/back': text(back) },
        `adopted='' alive='' hash=x seq=1 entries=${go.length}; place() { cp "$1" "$2"; }; sync() { :; }
         . ${INSTALL}/parts/transaction.sh; look_before() { :; }; apply() { :; }; prove() { :; }
         begin; put_back`,
      );
      const kept = before.filter(({ domain }) => !moved.includes(domain));
      assert.deepEqual(lines(of('home/tx/domains.new')).sort(), [...kept, ...installed].map(lineOf).sort());
      const isFailed = (domain: string) => back.length > 0 && failing.includes(domain) && moved.includes(domain);
      const after = DOMAINS.flatMap(domain =>
        ofDomain(isFailed(domain) || !moved.includes(domain) ? before : wanted, domain),
      );
      assert.deepEqual(lines(of('home/domains')).sort(), after.map(lineOf).sort());
    },
  }),
  property('a map of names has each name of the list, and keeps each name of the operator', {
    runs: 40,
    of: fc.tuple(delivery, fc.subarray(['op.example', '.op.example', 'mail.a.example.op'])),
    holds: ([{ before, wanted, moved }, operator]) => {
      const after = DOMAINS.flatMap(domain => ofDomain(moved.includes(domain) ? wanted : before, domain));
      const changed = [...new Set([...before, ...wanted].filter(({ domain }) => moved.includes(domain)).map(placeOf))];
      const mapOf = (all: Listed[]) =>
        new Map(
          all
            .filter(({ use }) => use !== '@webmail')
            .flatMap(one => namesOf(one).map(name => [name.replace(/^\*/, ''), placeOf(one)] as const)),
        );
      const value = (place: string) => `HOME/live/${place}.pem`;
      const whole = (all: Listed[]) => [
        ...operator.map(name => `${name} theirs`),
        ...[...mapOf(all)].map(([name, place]) => `${name} ${value(place)}`),
      ];
      const of = run(
        {
          map: text(whole(before)),
          before: text(before.map(lineOf)),
          after: text(after.map(lineOf)),
          changed: text(changed),
          'home/sni.lmdb': '',
        },
        `adoption=$home/adoption; adapter() { :; }; ${POSTMAP}
         . ${INSTALL}/adapters/postfix.sh
         postfix_find() { :; }; postfix_default() { return 1; }; postfix_conf() { echo "$postfix_map"; }
         sed "s|HOME|$home|" map >map.new; mv map.new map
         postfix_apply before after changed; [ ! -s "$run/why.postfix" ] || cat "$run/why.postfix" >&2
         sed "s|$home|HOME|" map >whole`,
      );
      assert.equal(of('run/why.postfix'), '');
      assert.deepEqual(lines(of('whole')).sort(), whole(after).sort());
    },
  }),
  property('undo takes our lines out of a file, and leaves every line that a person wrote since', {
    runs: 40,
    of: fc.tuple(
      own,
      own,
      fc.array(fc.nat({ max: 12 }), { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat({ max: 20 }), fc.boolean()), { maxLength: 4 }),
    ),
    holds: ([head, tail, puts, edits]) => {
      const before = [...head, ...tail];
      const ours = puts.map((at, n) => ({ at: Math.min(at, before.length), line: `ours ${n}` }));
      const wrote = [...before.keys(), before.length].flatMap(at => [
        ...ours.filter(one => one.at === at).map(({ line }) => line),
        ...before.slice(at, at + 1),
      ]);
      // A person adds lines, and takes out lines that are not ours.
      const theirs = edits.reduce((now, [at, isNew], n) => {
        const i = Math.min(at, now.length);
        if (isNew) return now.toSpliced(i, 0, `theirs ${n}`);
        return now[i]?.startsWith('ours') === false ? now.toSpliced(i, 1) : now;
      }, wrote);
      const of = run(
        { 'home/x.before': text(before), 'home/x.wrote': text(wrote), now: text(theirs) },
        `adoption=$home; . ${INSTALL}/parts/kept.sh; without_ours "$home/x" now >given`,
      );
      const given = lines(of('given'));
      assert.deepEqual(
        given,
        theirs.filter(line => !line.startsWith('ours')),
      );
    },
  }),
];

/** docs/servers/what-we-know.md, from the rows of the zoo. */
import { format } from 'prettier';
import { rowsOf } from '../install/zoo/addresses.ts';
import { apache } from '../install/zoo/apache.ts';
import { courier } from '../install/zoo/courier.ts';
import { dovecot } from '../install/zoo/dovecot.ts';
import { exim } from '../install/zoo/exim.ts';
import { nginx } from '../install/zoo/nginx.ts';
import { postfix } from '../install/zoo/postfix.ts';
import type { Row, ZooDaemon } from '../install/zoo/row.ts';
import { json } from './sources.ts';

const TITLES: [ZooDaemon, string][] = [
  [postfix, 'Postfix'],
  [dovecot, 'Dovecot'],
  [exim, 'Exim'],
  [courier, 'Courier'],
  [nginx, 'nginx'],
  [apache, 'Apache'],
];
/** Seen by a person, and so not made from the rows. */
const WALKED = `All rows were walked last on 2026-12-01, in one run of 20 minutes on two
cores: 148 walks on four hosts, with 49,515 handshakes. 29 of them failed, all of them on the host
with Exim, which closes its ports at the reload of an adoption or its undo. The longest time without
TLS was 0.2 s there, and 0 s on the others.`;

const DEBIAN = { bookworm: '12', trixie: '13' };

export async function zooPage(): Promise<Map<string, string>> {
  const options = { ...json('.prettierrc.json'), parser: 'markdown', proseWrap: 'always', printWidth: 100 };
  return new Map([['docs/servers/what-we-know.md', await format(page(), options)]]);
}

function page(): string {
  const rows = TITLES.flatMap(([daemon]) => rowsOf(daemon));
  return `# What we know of real configurations

Each row is a configuration that a test makes on a real host: \`test/install/zoo/\`. The test adopts
the server, delivers a domain and renews it, and undoes the adoption. A client connects to each port
every 100 ms all the while, to four ports at a time, with a name and without, and no handshake may
fail. Only Exim's own reload closes its ports for an instant; a client that tries again two seconds
later is served. After the undo the daemon's files are compared byte for byte. \`npm test -- --zoo\` walks all rows, and \`npm test\` two
of each daemon. \`npm run generate\` writes this page from the rows.

${WALKED}

A configuration that is **refused** is left as it is. The inspection, \`sealpost status SERVER\` and an
event give the reason.

${rows.length} configurations: ${count(rows, 'works')} are adopted, ${count(rows, 'refused')} are refused, and
${count(rows, 'fails')} are not yet as they should be.

${TITLES.map(([daemon, title]) => section(title, rowsOf(daemon))).join('\n')}`;
}

function count(rows: Row[], what: string): number {
  return rows.filter(row => wordOf(row) === what).length;
}

function wordOf({ fails, expected }: Row): string {
  return fails !== undefined ? 'fails' : typeof expected === 'string' ? expected : 'refused';
}

function section(title: string, rows: Row[]): string {
  return `## ${title}

${rows.map(item).join('\n')}
`;
}

/** A list, not a table: a table's columns would all move with each longer row. */
function item({ name, on, keys, expected, why, fails }: Row): string {
  const releases = on.map(release => DEBIAN[release]).join(' and ');
  const happens = typeof expected === 'string' ? `It ${expected}` : `It is refused: “${expected.refused}”`;
  const today = fails === undefined ? '' : ` _Not yet: ${fails}._`;
  return `- **${name}** (Debian ${releases}, ${keys.join(' and ')}). ${happens}. ${why}${today}`;
}

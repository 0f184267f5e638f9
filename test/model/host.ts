/**
 * Mail servers: each node runs the commands that are sent to it, as the installer does
 * (docs/protocol.md, "On the host"). What a node serves stays on its disk.
 */
import { X509Certificate } from 'node:crypto';
import { byName } from '../core/world.ts';

/** A certificate on a disk. */
interface Served {
  fingerprint: string;
  notAfter: number;
}

export interface Node {
  id: string;
  /** The host name of its server. */
  server: string;
  isOn: boolean;
  /** Its next delivery ends without an answer: before or after it was carried out. */
  crash?: 'before' | 'after';
  /** False: none of its ports shows the default certificate to an inspection. */
  isSeen: boolean;
  /** By domain, then by use: `all`, `mail` or `webmail`. */
  disk: Map<string, Map<string, Served>>;
  seq: number;
  last?: { hash: string; answer: string };
  /** Every certificate that it has ever served, as `<domain> <fingerprint>`. */
  history: Set<string>;
}

export function newNode(id: string, { server, isSeen }: Pick<Node, 'server' | 'isSeen'>): Node {
  return { id, server, isSeen, isOn: true, disk: new Map(), seq: 0, history: new Set() };
}

interface Entry {
  domain: string;
  /** Absent: the domain is removed. */
  use?: string;
  fingerprint?: string;
  pem: string;
}

interface Parsed {
  seq: number;
  notAfter: number;
  mode: string;
  entries: Entry[];
  rows: { domain: string; use: string; leaf: string }[];
}

/** @returns the installer's output */
export function runDelivery(node: Node, { text, hash, now }: { text: string; hash: string; now: number }): string {
  const delivery = parse(text);
  const head = (outcome: string) => `sealpost ${hash} ${delivery.seq} ${outcome}`;
  if (delivery.seq < node.seq) return `${head(`stale ${node.seq}`)}\n`;
  if (node.last?.hash === hash) return node.last.answer;
  if (now > delivery.notAfter) return `${head('expired')}\n`;
  node.seq = delivery.seq;
  const answer = `${[head(outcomeOf(delivery)), ...linesOf(node, delivery, now)].join('\n')}\n`;
  node.last = { hash, answer };
  return answer;
}

const outcomeOf = ({ mode }: Parsed) => ({ inspect: 'inspected', install: 'installed', verify: 'verified' })[mode]!;

function linesOf(node: Node, delivery: Parsed, now: number): string[] {
  if (delivery.mode === 'inspect')
    return [
      ...Object.entries(byName).map(([fact, [value]]) => `fact ${fact} ${value}`),
      'fact ports 993,443',
      `fact host-certificate ${hostCertificate(node, now)}`,
    ];
  const installed = installAll(node, delivery.entries, now);
  return [...installed, ...(delivery.rows.length > 0 || delivery.mode === 'verify' ? audit(node, delivery.rows) : [])];
}

function hostCertificate({ disk, server, isSeen }: Node, now: number): string {
  const own = disk.get(server)?.get('all');
  if (!isSeen) return 'none';
  return own && own.notAfter > now ? 'trusted' : 'untrusted';
}

/** Entries of one domain are installed or refused together. */
function installAll(node: Node, entries: Entry[], now: number): string[] {
  if (entries.length === 0) return [];
  const domains = Map.groupBy(entries, ({ domain }) => domain);
  const letters = new Map([...domains].map(([domain, of]) => [domain, install(node, domain, { of, now })]));
  const reasons = entries.flatMap(({ domain }, i) =>
    letters.get(domain) === 'r' ? [`${i + 1} r CertificateUnusable it is expired`] : [],
  );
  return [entries.map(({ domain }) => letters.get(domain)!).join(''), ...reasons];
}

function install(node: Node, domain: string, { of, now }: { of: Entry[]; now: number }): string {
  if (of.some(({ use }) => use === undefined)) {
    node.disk.delete(domain);
    return 'd';
  }
  const served = new Map(
    of.map(({ use, fingerprint, pem }) => [use!, { fingerprint: fingerprint!, notAfter: endOf(pem) }]),
  );
  if ([...served.values()].some(({ notAfter }) => notAfter <= now)) return 'r';
  node.disk.set(domain, served);
  for (const { fingerprint } of served.values()) node.history.add(`${domain} ${fingerprint}`);
  return 's';
}

const endOf = (pem: string) =>
  new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))).validToDate.getTime();

function audit({ disk }: Node, rows: Parsed['rows']): string[] {
  const unseen = rows.flatMap(({ domain, use, leaf }, i) =>
    disk.get(domain)?.get(use)?.fingerprint === leaf ? [] : [`unseen all ${i + 1}`],
  );
  // Each line counts its rows from the last row of the same set of ports.
  const steps = unseen.map((line, i) => Number(line.split(' ')[2]) - Number(unseen[i - 1]?.split(' ')[2] ?? 0));
  return ['fact audit-ports 993,443', ...steps.map(step => `unseen all ${step}`), `audited ${rows.length}`];
}

function parse(text: string): Parsed {
  const delivery: Parsed = { seq: 0, notAfter: 0, mode: '', entries: [], rows: [] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.split(' ');
    if (word === 'seq') delivery.seq = Number(rest[0]);
    else if (word === 'not-after') delivery.notAfter = Number(rest[0]) * 1000;
    else if (word === 'mode') delivery.mode = rest[0]!;
    else if (word === 'entry') delivery.entries.push(entryOf(rest));
    else if (word === 'look') delivery.rows.push(rowOf(rest));
    else if (delivery.entries.length > 0 && !['names', 'probe', 'end'].includes(word!))
      delivery.entries.at(-1)!.pem += `${line}\n`;
  }
  return delivery;
}

function entryOf([, what, domain, , , fingerprint, kind]: string[]): Entry {
  if (what === 'remove') return { domain: domain!, pem: '' };
  return {
    domain: domain!,
    use: ['mail', 'webmail'].includes(kind!) ? kind! : 'all',
    fingerprint: fingerprint!,
    pem: '',
  };
}

function rowOf([place, leaf]: string[]): Parsed['rows'][number] {
  const [domain, use = 'all'] = place!.split('@');
  return { domain: domain!, use, leaf: leaf! };
}

/**
 * Walks the rows of the zoo on one real host, one after the other. Each row: the configuration is
 * made; an inspection without and with consent; a domain's and the host's certificate are
 * delivered, and the domain's renewed; adoption is undone. Clients connect all the while. A test
 * file that calls this is named RELEASE-SOFTWARE-….zoo.test.ts after its host.
 */
import type { Server } from 'node:net';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { runProgram } from '../../local/machine/program.ts';
import { SOFTWARE, type Release, type Software } from '../../local/hosts/software.ts';
import { record } from '../figures.ts';
import { startMailHost, type Answer, type Entry, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';
import { balancer, leaves, spoken, watch, type Asked, type Watched } from './zoo.clients.ts';
import { rowsOf } from './zoo/addresses.ts';
import type { KeyType, Row, ZooDaemon } from './zoo/row.ts';

const DOMAIN = 'zoo.test';
const KEY_TYPES: KeyType[] = ['RSA', 'ECDSA'];
/**
 * Rows of each daemon that `npm test` walks on each host. All rows take two cores an hour or more;
 * `npm test -- --zoo` walks them.
 */
const SAMPLE = process.env.SEALPOST_ZOO === 'all' ? Infinity : 2;

class Zoo {
  mail!: MailHost;
  /** The certificates that every row delivers. */
  own!: Issued;
  first!: Issued;
  renewed!: Issued;
  readonly release: Release;
  readonly daemons: ZooDaemon[];
  /** Of the rows that are as they should be. */
  readonly watched: Watched[] = [];

  constructor(release: Release, daemons: ZooDaemon[]) {
    this.release = release;
    this.daemons = daemons;
  }

  get kind(): string {
    return [this.release, ...this.software].join('-');
  }

  /** After each row, because a whole walk takes longer than some may wait. */
  count(watched: Watched): void {
    this.watched.push(watched);
    const sum = (of: (one: Watched) => number) => this.watched.reduce((total, one) => total + of(one), 0);
    const longest = Math.max(...this.watched.map(one => one.secondsWithout));
    record(`zoo-${this.kind}`, {
      [`Zoo on ${this.kind}: rows, handshakes, failed, longest time without TLS in s`]: `${this.watched.length}, ${sum(one => one.handshakes)}, ${sum(one => one.failed.length)}, ${longest.toFixed(1)}`,
    });
  }

  /** The host's IPv6 address and this machine's end, in a network of the link's own. */
  get ipv6(): { host: string; machine: string } {
    const [, b, c, d] = this.mail.host.address.split('.');
    const network = `fd5e:${b}:${c}:${d}`;
    return { host: `${network}::2`, machine: `${network}::1` };
  }

  get software(): Software[] {
    return this.daemons.map(({ daemon }) => daemon);
  }

  async begin(): Promise<void> {
    this.mail = await startMailHost('zoo', { release: this.release, software: this.software });
    const { mail } = this;
    for (const { stop, settle } of this.daemons) await mail.sh(`set -eu; ${stop}; ${settle ?? ''}`);
    for (const key of KEY_TYPES) {
      const issued = mail.ca.issue([mail.host.hostName], { key });
      await mail.host.write(`/root/zoo/${key.toLowerCase()}.key`, Buffer.from(issued.key), 0o600);
      await mail.host.write(`/root/zoo/${key.toLowerCase()}.pem`, Buffer.from(issued.chain), 0o644);
    }
    await mail.sh(`set -eu; chmod 711 /root /root/zoo
      ip -6 addr add ${this.ipv6.host}/64 dev eth0 nodad
      tar -cpf /root/zoo.tar -C / ${this.trees()
        .map(tree => tree.slice(1))
        .join(' ')}`);
    const links = JSON.parse((await runProgram(['ip', '-json', 'addr'])).stdout) as any[];
    const link = links.find(({ addr_info }) => addr_info?.some((one: any) => one.local === mail.host.gateway));
    await runProgram(['ip', '-6', 'addr', 'add', `${this.ipv6.machine}/64`, 'dev', link.ifname, 'nodad']);
    this.own = mail.ca.issue([mail.host.hostName]);
    this.first = mail.wildcard(DOMAIN);
    this.renewed = mail.wildcard(DOMAIN);
  }

  trees(): string[] {
    return this.daemons.flatMap(({ trees }) => trees);
  }

  /** Each file with its mode, owner and content, in one text. */
  async tree(daemon: ZooDaemon): Promise<string> {
    const { stdout } = await this.mail.host.run([
      ...[
        'sh',
        '-c',
        `find "$@" -printf '%p %M %U:%G %l\\n' | sort; find "$@" -type f | sort | xargs -d '\\n' sha256sum`,
      ],
      ...['sh', ...daemon.trees],
    ]);
    return stdout;
  }

  entriesFor(web: boolean, certificate: Issued): Entry[] {
    const { hostName } = this.mail.host;
    const domain = { domain: DOMAIN, certificate, web: `webmail.${DOMAIN}` };
    return web
      ? [{ ...domain, mail: '-' }]
      : [{ domain: hostName, kind: 'host', mail: hostName, certificate: this.own }, domain];
  }
}

/** What the inspection says of one daemon. */
function saidOf(daemon: string, { rest, stderr }: Answer): { state: string; reason: string } {
  for (const line of rest) {
    const [, state, reason = ''] = new RegExp(`^fact daemon ${daemon} (\\S+) ?(.*)`).exec(line) ?? [];
    if (state) return { state, reason };
  }
  return { state: 'not named', reason: `${rest.join('\n')}${stderr}` };
}

/**
 * @param daemons all software of the host
 * @param walked those whose rows are walked here
 */
export function zoo(release: Release, daemons: ZooDaemon[], walked: ZooDaemon[] = daemons): void {
  const all = new Zoo(release, daemons);
  // A row takes some seconds, and a minute or two where many other tests run.
  vi.setConfig({ testTimeout: 300_000 });
  beforeAll(() => all.begin(), 600_000);
  afterAll(() => all.mail?.stop());

  it('the file is called after its host, so that npm test fetches that first', () => {
    expect(basename(expect.getState().testPath!)).toBe(`${all.kind}.zoo.test.ts`);
  });
  for (const daemon of walked)
    for (const row of rowsOf(daemon)
      .filter(({ on }) => on.includes(release))
      .slice(0, SAMPLE))
      describe(`${daemon.daemon}: ${row.name}`, () => walk({ all, daemon, row }));
}

function walk({ all, daemon, row }: { all: Zoo; daemon: ZooDaemon; row: Row }): void {
  const ports = row.ports ?? SOFTWARE[daemon.daemon].ports;
  const web = ports.includes(443) || ports.includes(8443);
  const balancers = new Map<number, { address: string; server: Server }>();
  let configured: string;
  let before: Map<string, string>;
  /** The ways to ask that were answered before. */
  let answered: Asked[];

  const ways = (names: string[], keys = KEY_TYPES): Asked[] =>
    ports.flatMap(port =>
      (row.families ?? [4]).flatMap(family =>
        names.flatMap(name =>
          keys.map(key => ({
            address: balancers.get(port)?.address ?? (family === 4 ? all.mail.host.address : all.ipv6.host),
            port,
            name,
            key,
          })),
        ),
      ),
    );
  const known = () => ['', all.mail.host.hostName, 'stranger.test', ...(row.names ?? [])];

  afterAll(async () => {
    for (const { server } of balancers.values()) server.close();
    await all.mail.sh(`${daemon.stop}; rm -rf /etc/sealpost ${daemon.trees.join(' ')}; tar -xpf /root/zoo.tar -C /`);
  });

  it('is a good configuration that serves what the row says', async () => {
    const { mail } = all;
    await mail.sh(`set -eu; name=${mail.host.hostName}; ${row.make}`);
    await mail.sh(daemon.check);
    await mail.sh(daemon.start);
    for (const port of row.proxied ?? []) balancers.set(port, await balancer({ address: mail.host.address, port }));
    const byDefault = (key: KeyType) => leaves(ways([''], [key]));
    for (const key of row.keys)
      await expect.poll(async () => [...(await byDefault(key)).values()], { timeout: 10_000 }).not.toContain('nothing');
    for (const key of KEY_TYPES.filter(one => !row.keys.includes(one)))
      expect(new Set((await byDefault(key)).values()), key).toEqual(new Set(['nothing']));
    before = await leaves(ways(known()));
    answered = ways(known()).filter(way => before.get(spoken(way)) !== 'nothing');
    configured = await all.tree(daemon);
  });

  (row.fails ? it.fails : it)(
    row.expected === 'works' ? 'is adopted, and undone byte for byte' : 'is refused with its reason',
    async () => {
      const watching = watch(answered);
      let watched: Watched;
      try {
        if (row.expected === 'works') await works();
        else await refused(row.expected.refused);
      } finally {
        watched = await watching.end();
      }
      const { failed, failedAgain, handshakes } = watched;
      if (answered.length > 0) expect(handshakes).toBeGreaterThan(ports.length);
      expect(daemon.reloads ? failedAgain : failed).toEqual([]);
      all.count(watched);
    },
  );

  /** Adoption changes nothing that a client sees. */
  const same = async () => expect(await leaves(answered)).toEqual(onlyAnswered());
  const onlyAnswered = () => new Map(answered.map(way => [spoken(way), before.get(spoken(way))]));

  async function refused(sentence: string): Promise<void> {
    for (const adopt of [false, true]) {
      const said = saidOf(daemon.daemon, await all.mail.deliver([], { mode: 'inspect', adopt }));
      expect(said).toMatchObject({
        state: expect.stringMatching(row.keys.length > 0 ? /^refused$/ : /^(refused|absent)$/),
        reason: expect.stringContaining(sentence),
      });
      expect(await all.tree(daemon)).toBe(configured);
    }
    await same();
  }

  async function works(): Promise<void> {
    const { mail } = all;
    const looked = await mail.deliver([], { mode: 'inspect' });
    expect(saidOf(daemon.daemon, looked).state, saidOf(daemon.daemon, looked).reason).toBe('ready');
    expect(await all.tree(daemon)).toBe(configured);
    const adopted = await mail.deliver([], { mode: 'inspect', adopt: true });
    expect(saidOf(daemon.daemon, adopted).state, saidOf(daemon.daemon, adopted).reason).toBe('adopted');
    await same();

    for (const certificate of [all.first, all.renewed]) {
      const entries = all.entriesFor(web, certificate).filter(({ kind }) => !daemon.oneCertificate || kind === 'host');
      const answer = await mail.run(mail.write(entries), { environment: { SEALPOST_PROOF_WAIT: '8' } });
      expect(answer, answer.text + answer.stderr).toMatchObject({ exitCode: 0, outcome: 'installed' });
      const asked = daemon.oneCertificate ? [] : ways([`${web ? 'webmail' : 'mail'}.${DOMAIN}`], ['ECDSA']);
      const all4 = new Map(asked.map(way => [spoken(way), certificate.leaf]));
      await expect.poll(() => leaves(asked), { timeout: 3_000 }).toEqual(all4);
      if (web) continue;
      const byDefault = ways([''], ['ECDSA']);
      expect(await leaves(byDefault)).toEqual(new Map(byDefault.map(way => [spoken(way), all.own.leaf])));
    }

    await mail.host.write('/run/installer', Buffer.from(installer().text), 0o700);
    await mail.sh('sh /run/installer undo-adoption; rm /run/installer');
    expect(await all.tree(daemon)).toBe(configured);
    await expect.poll(() => leaves(answered), { timeout: 10_000 }).toEqual(onlyAnswered());
  }
}

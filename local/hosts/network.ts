/**
 * The link between each host and this machine: a /30 of its own, `.1` is the machine's end, `.2`
 * the host's.
 */
import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { mustRun, runProgram } from '../machine/program.ts';

export interface Link {
  /**
   * The link's name on this machine: `sp-` and the subnet's address in hex. The creation of the
   * link claims the subnet.
   */
  name: string;
  machineAddress: string;
  hostAddress: string;
}

/**
 * Private and benchmarking ranges (RFC 1918, RFC 2544), the largest first. The next one is used if
 * routes cover the first.
 */
const RANGES = ['10.64.0.0/10', '172.16.0.0/12', '198.18.0.0/15', '192.168.0.0/16'];
/** A range is given up when this many neighbouring /30s are taken. */
const TRIES_PER_RANGE = 128;

/**
 * Makes the link into the network namespace of `pid`. The link ends with that namespace. The subnet
 * follows from `seed` (the host's folder), so a host usually keeps its address and two clones
 * differ. A subnet that a route of this machine covers, or that another host has, is skipped.
 */
export async function makeLink(seed: string, pid: number): Promise<Link> {
  const taken = await coveredSubnets();
  const hash = createHash('sha256').update(seed).digest().readUInt32BE(0);
  for (const range of RANGES) {
    const { start, size } = parseSubnet(range);
    for (let attempt = 0; attempt < TRIES_PER_RANGE; attempt += 1) {
      const subnet = start + ((hash + attempt) % (size / 4)) * 4;
      if (taken.some(other => subnet < other.start + other.size && other.start < subnet + 4)) continue;
      const link = {
        name: `sp-${subnet.toString(16).padStart(8, '0')}`,
        machineAddress: dotted(subnet + 1),
        hostAddress: dotted(subnet + 2),
      };
      const made = await runProgram([
        'ip',
        'link',
        'add',
        link.name,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        String(pid),
      ]);
      if (made.exitCode === 0) {
        await bringUp(link, pid);
        return link;
      }
      if (!/File exists/.test(made.stderr)) throw new Error(`no network link for a host: ${made.stderr.trim()}`);
    }
  }
  throw new Error('every private range is routed elsewhere on this machine: no subnet is left for a host');
}

async function bringUp(link: Link, pid: number): Promise<void> {
  const commands = [`addr add ${link.machineAddress}/30 dev ${link.name}`, `link set ${link.name} up`];
  await mustRun(['ip', '-batch', '-'], { input: commands.join('\n') });
  const inside = [
    'link set lo up',
    `addr add ${link.hostAddress}/30 dev eth0`,
    'link set eth0 up',
    `route add default via ${link.machineAddress}`,
  ];
  await mustRun(['nsenter', '-t', String(pid), '-n', 'ip', '-batch', '-'], { input: inside.join('\n') });
}

/**
 * Waits, 5 s at most, until no link of this machine has the address. Then its subnet can be claimed
 * again.
 */
export async function linkIsGone(machineAddress: string): Promise<void> {
  const isThere = () =>
    Object.values(networkInterfaces()).some(link => link?.some(({ address }) => address === machineAddress));
  for (const deadline = Date.now() + 5_000; isThere() && Date.now() < deadline;) await sleep(50);
}

interface Subnet {
  /** The first address as an unsigned number. */
  start: number;
  /** The number of addresses. */
  size: number;
}

/** The ranges that this machine's routes cover, without the default route. */
async function coveredSubnets(): Promise<Subnet[]> {
  const routes = JSON.parse((await mustRun(['ip', '-json', '-4', 'route', 'show', 'table', 'all'])) || '[]') as {
    dst: string;
  }[];
  return routes.filter(route => route.dst !== 'default').map(route => parseSubnet(route.dst));
}

function parseSubnet(text: string): Subnet {
  const [address, prefix = '32'] = text.split('/');
  const start = address!.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
  return { start, size: 2 ** (32 - Number(prefix)) };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.');
}

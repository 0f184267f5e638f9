/** The requirements of hosts on this machine. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { runProgram } from '../machine/program.ts';

/** Bit numbers in capabilities(7). */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21, CAP_MKNOD: 27 };

/** Programs of util-linux and dpkg, which every Debian has. */
const PROGRAMS = ['apt-get', 'dpkg-deb', 'unshare', 'nsenter', 'setpriv', 'flock', 'pivot_root', 'openssl'];

/**
 * Returns one sentence for each thing that this machine lacks; none if hosts can run. Two things
 * are not required: without an overlay file system each host gets a copy of its base, and
 * ensureBase installs mmdebstrap and iproute2.
 */
export async function preflight(): Promise<string[]> {
  if (process.platform !== 'linux') return [`Hosts need Linux; this is ${process.platform}.`];
  if (process.getuid?.() !== 0) return ['Hosts need root: run this as root, or with sudo.'];
  const effective = BigInt(
    `0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
  );
  const lacks = Object.entries(CAPABILITIES)
    .filter(([, bit]) => !((effective >> BigInt(bit)) & 1n))
    .map(([name]) => `Root here has no ${name}, which hosts need (in Docker: --privileged).`);
  const folders = (process.env.PATH ?? '').split(':');
  for (const program of PROGRAMS)
    if (!folders.some(folder => existsSync(`${folder}/${program}`)))
      lacks.push(`The program ${program} is missing: hosts need a Debian or a system made from it.`);
  if (lacks.length > 0) return lacks;

  const isolated = 'unshare --mount --net --pid --uts --ipc --fork --kill-child'.split(' ');
  const tried = await runProgram([...isolated, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  if (tried.exitCode !== 0) lacks.push(`This kernel does not let us make namespaces: ${tried.stderr.trim()}.`);
  else if (existsSync('/usr/sbin/ip')) {
    const link = await runProgram([...isolated, 'ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two']);
    if (link.exitCode !== 0) lacks.push(`This kernel does not make veth links: ${link.stderr.trim()}.`);
  }
  return lacks;
}

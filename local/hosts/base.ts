/**
 * The root file system that all hosts of a release share, read-only. mmdebstrap builds it once for
 * each recipe.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { aptTransportSettings, cacheDirectory, DEBIAN_KEYRING, debianMirror, installTools } from '../machine/debian.ts';
import { mustRun } from '../machine/program.ts';
import { packagesOf, type Kind } from './software.ts';

/** Nothing reads these files on a host. They take a third of the download's size on disk. */
const EXCLUDED = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];
const TOOLS = {
  mmdebstrap: '/usr/bin/mmdebstrap',
  iproute2: '/usr/sbin/ip',
  'debian-archive-keyring': DEBIAN_KEYRING,
};

/** Two bases may be built side by side, but apt-get runs once at a time. */
let tools: Promise<void> | undefined;

/** Other software makes another base. */
export interface BaseRequest extends Kind {
  /** The packages beside those of the host's software. */
  packages?: string[];
  report: (line: string) => void;
}

/**
 * Returns the path of the base root, which nobody may write to. The first call takes half a minute
 * to two minutes. If two processes ask, one builds and the other waits. A build is renamed into
 * place whole, or not at all.
 */
export async function ensureBase({ release, software, packages = [], report }: BaseRequest): Promise<string> {
  await (tools ??= installTools(TOOLS, report));
  const include = [...packagesOf(software), ...packages].join(',');
  const recipe = createHash('sha256')
    .update(JSON.stringify([1, release, include, EXCLUDED, arch()]))
    .digest('hex')
    .slice(0, 16);
  const hosts = join(cacheDirectory(), 'hosts');
  const base = join(hosts, recipe);
  if (existsSync(base)) return base;

  await mkdir(hosts, { recursive: true });
  const { archive, security } = await debianMirror();
  report(`Fetching Debian's ${release} with ${software.join(', ')} into ${base}, for hosts (about a minute, once) …`);
  const building = `${base}.building-${process.pid}`;
  const mmdebstrap = [
    ...[
      'mmdebstrap',
      '--mode=root',
      '--variant=minbase',
      '--quiet',
      `--include=${include}`,
      `--keyring=${DEBIAN_KEYRING}`,
    ],
    ...(await aptTransportSettings()).map(line => `--aptopt=${line}`),
    ...EXCLUDED.map(pattern => `--dpkgopt=path-exclude=${pattern}`),
    ...[release, building, `deb ${archive} ${release} main`, `deb ${security} ${release}-security main`],
  ];
  // mmdebstrap mounts /proc into the root that it builds. With its own mount and pid namespace, a
  // killed build leaves neither a mount nor a process. The holder of the lock alone may remove what
  // a killed build left.
  const isolated = 'setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc'.split(' ');
  const script = `set -eu
    building=$1 base=$2; shift 2
    [ ! -d "$base" ] || exit 0
    rm -rf "$base".building-*
    "$@" </dev/null
    mv -T "$building" "$base"`;
  await mustRun([...isolated, 'flock', '-x', `${base}.lock`, 'sh', '-c', script, 'sh', building, base, ...mmdebstrap], {
    onLine: line => report(`  ${line}`),
  });
  return base;
}

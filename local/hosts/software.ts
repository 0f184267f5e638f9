/** The release of Debian of a host, and its mail and webmail software. */

export const RELEASES = ['bookworm', 'trixie'] as const;
export type Release = (typeof RELEASES)[number];

interface Facts {
  /** Of Debian. */
  packages: string[];
  /** It answers TLS on these. */
  ports: number[];
  /** Debian installs one mail transport agent. */
  isTransportAgent?: true;
}

/** software/NAME.sh sets each of them up and starts it. */
const facts = {
  postfix: { packages: ['postfix', 'postfix-lmdb'], ports: [25, 465, 587], isTransportAgent: true },
  exim: { packages: ['exim4-daemon-heavy'], ports: [25, 465, 587], isTransportAgent: true },
  dovecot: { packages: ['dovecot-imapd', 'dovecot-pop3d'], ports: [143, 993, 110, 995] },
  courier: {
    // Its configuration names ports by their services, so it needs netbase.
    packages: ['courier-imap', 'courier-pop', 'courier-mta', 'netbase'],
    ports: [143, 993, 110, 995, 25, 465, 587],
    isTransportAgent: true,
  },
  nginx: { packages: ['nginx'], ports: [443] },
  apache: { packages: ['apache2'], ports: [443] },
} satisfies Record<string, Facts>;

export type Software = keyof typeof facts;
export const SOFTWARE: Record<Software, Facts> = facts;
const ALL = Object.keys(SOFTWARE) as Software[];

export interface Kind {
  release: Release;
  software: Software[];
}

export const USUAL: Kind = { release: 'bookworm', software: ['postfix', 'dovecot', 'nginx'] };

/** @returns Debian's packages for a host with this software */
export function packagesOf(software: Software[]): string[] {
  return ['ca-certificates', 'openssl', ...software.flatMap(each => SOFTWARE[each].packages), 'iproute2', 'procps'];
}

/**
 * @param release as typed, `trixie`
 * @param software as typed, names with commas between them
 * @throws Error that names what there is
 */
export function parseKind({
  release = USUAL.release,
  software = USUAL.software.join(','),
}: { release?: string; software?: string } = {}): Kind {
  const found = RELEASES.find(each => each === release);
  if (!found) throw new Error(`there is no release ${release} here; there are: ${RELEASES.join(', ')}`);
  const names = [...new Set(software.split(','))];
  const unknown = names.find(name => !Object.hasOwn(SOFTWARE, name));
  if (unknown !== undefined) throw new Error(`no host runs ${unknown || 'nothing'}; there are: ${ALL.join(', ')}`);
  const conflict = conflictOf(names as Software[]);
  if (conflict) throw new Error(conflict);
  return { release: found, software: names as Software[] };
}

/** @returns why this software cannot be on one host */
function conflictOf(software: Software[]): string | undefined {
  const agents = software.filter(name => SOFTWARE[name].isTransportAgent);
  if (agents.length > 1) {
    const all = spoken({ items: ALL.filter(name => SOFTWARE[name].isTransportAgent), word: 'or' });
    return `Debian installs ${all}, not ${agents.join(' and ')}: each is the mail transport agent`;
  }
  for (const [index, one] of software.entries()) {
    for (const other of software.slice(index + 1)) {
      const shared = SOFTWARE[one].ports.filter(port => SOFTWARE[other].ports.includes(port));
      if (shared.length === 0) continue;
      const ports = `${shared.length > 1 ? 'ports' : 'port'} ${spoken({ items: shared, word: 'and' })}`;
      return `${one} and ${other} would both listen on ${ports}: name one`;
    }
  }
  return undefined;
}

/** `a, b or c` */
function spoken({ items, word }: { items: (string | number)[]; word: string }): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`;
}

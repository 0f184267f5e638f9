/** The release of Debian of a host, and its mail and webmail software. */

export const RELEASES = ['bookworm', 'trixie'] as const;
export type Release = (typeof RELEASES)[number];

/** Debian's packages for each software. */
const PACKAGES = {
  postfix: ['postfix', 'postfix-lmdb'],
  exim: ['exim4-daemon-heavy'],
  dovecot: ['dovecot-imapd', 'dovecot-pop3d'],
  // Its configuration names ports by their services, so it needs netbase.
  courier: ['courier-imap', 'courier-pop', 'courier-mta', 'netbase'],
  nginx: ['nginx'],
  apache: ['apache2'],
};
export type Software = keyof typeof PACKAGES;

export interface Kind {
  release: Release;
  software: Software[];
}

export const USUAL: Kind = { release: 'bookworm', software: ['postfix', 'dovecot', 'nginx'] };

/** posttls-finger comes with postfix. */
export function packagesOf(software: Software[]): string[] {
  return ['ca-certificates', 'openssl', ...software.flatMap(each => PACKAGES[each]), 'iproute2', 'procps'];
}

/**
 * @param release as typed, `trixie`
 * @param software as typed, `exim,dovecot,apache`
 * @throws Error that names what there is
 */
export function parseKind({
  release = USUAL.release,
  software = USUAL.software.join(','),
}: { release?: string; software?: string } = {}): Kind {
  const found = RELEASES.find(each => each === release);
  if (!found) throw new Error(`there is no release ${release} here; there are: ${RELEASES.join(', ')}`);
  const names = [...new Set(software.split(','))];
  const unknown = names.find(name => !Object.hasOwn(PACKAGES, name));
  if (unknown !== undefined)
    throw new Error(`no host runs ${unknown || 'nothing'}; there are: ${Object.keys(PACKAGES).join(', ')}`);
  const agents = names.filter(name => ['postfix', 'exim', 'courier'].includes(name));
  if (agents.length > 1)
    throw new Error(
      `Debian installs postfix, exim or courier, not ${agents.join(' and ')}: each is the mail transport agent`,
    );
  if (names.includes('courier') && names.includes('dovecot'))
    throw new Error('courier and dovecot would both listen on ports 143, 993, 110 and 995: name one');
  if (names.includes('nginx') && names.includes('apache'))
    throw new Error('nginx and apache would both listen on port 443: name one');
  return { release: found, software: names as Software[] };
}

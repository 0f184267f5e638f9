/**
 * The entries of a delivery for one domain: one for each certificate, with the names by which
 * daemons choose it and the names by which it is checked.
 */
import { coversName, isUnder, mailName, webmailName } from '../certificate/names.ts';
import type { StoredCertificate } from '../record/domain.ts';
import { providedOn, uses } from '../record/provided.ts';
import type { Work } from '../record/server.ts';
import { servesAlone, servesByName, type Capable } from '../record/capability.ts';
import type { DeliveryEntry } from '../record/delivery.ts';

type Entry = Omit<DeliveryEntry, 'install'> & { install?: Omit<NonNullable<DeliveryEntry['install']>, 'pem'> };

/**
 * No name stands in two entries: a name that a provided certificate covers belongs to that
 * certificate's entry.
 */
export function entriesFor({ domain, v, certificate, provided, host, drift }: Work, server: Capable): Entry[] {
  const removed = { domain, v, ...(host && { host }) };
  if (certificate === 'REMOVE') return [removed];
  const about = { ...removed, ...(drift && { drift }) };
  const here = providedOn(server, { certificate, provided });
  const own = uses.flatMap((use): Entry[] => {
    const one = here[use];
    if (!one) return [];
    // A provided certificate may cover other domains' names, too.
    const names = one.names.filter(name => isUnder({ name, domain }));
    const probe = use === 'mail' ? { mail: `mail.${domain}` } : { webmail: `webmail.${domain}` };
    return [{ ...about, for: use, install: { ...facts(one), names, probe } }];
  });
  if (!certificate) return own;
  const ours = host
    ? { names: certificate.names, probe: hasWebAlone(server) ? { webmail: domain } : { mail: domain } }
    : besides(domain, certificate.names, {
        taken: here.mail?.names ?? [],
        isWebmailTaken: here.webmail !== undefined,
        isMailByName: servesByName(server),
      });
  return [...(ours ? [{ ...about, install: { ...facts(certificate), ...ours } }] : []), ...own];
}

/** On a server for webmail only, the host name is checked on the web server's port. */
function hasWebAlone(server: Capable): boolean {
  return servesByName(server) && !servesAlone(server, 'mail') && servesAlone(server, 'webmail');
}

function facts({ id, fingerprint }: StoredCertificate) {
  return { certificate: id, fingerprint };
}

/** Labels for the check if only a wildcard name is left. */
const LABELS = ['smtp', 'imap', 'pop3', 'mx', 'sealpost'];

/**
 * @returns the names and the check of our certificate beside provided ones; undefined if no name is
 *   left
 */
function besides(
  domain: string,
  names: string[],
  { taken, isWebmailTaken, isMailByName }: { taken: string[]; isWebmailTaken: boolean; isMailByName: boolean },
) {
  const webmail = isWebmailTaken ? undefined : webmailName(domain, names);
  // Our certificate is on this server for webmail only.
  if (!isMailByName) return { names, probe: { webmail } };
  if (taken.length === 0) return { names, probe: { mail: mailName(domain, names), webmail } };
  const left = names.filter(name => !coversName(taken, name));
  const candidates = left.flatMap(name =>
    name.startsWith('*.') ? LABELS.map(label => name.replace('*', label)) : [name],
  );
  const mail = candidates.find(name => !coversName(taken, name));
  if (mail === undefined && webmail === undefined) return undefined;
  // The host requires that an entry's names cover the names of its check.
  const covers = webmail === undefined || coversName(left, webmail);
  return { names: covers ? left : [...left, webmail!], probe: { mail, webmail } };
}

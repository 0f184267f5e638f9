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
 * certificate's entry. A host refuses an entry that none of its daemons can show, and with it all
 * entries of the domain, so there is no such entry.
 * @returns one removal if the server can serve nothing of the domain
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
        server,
      });
  const entries = [...(ours ? [{ ...about, install: { ...facts(certificate), ...ours } }] : []), ...own];
  return entries.length > 0 ? entries : [removed];
}

/** On a server for webmail only, every name is checked on the web server's port. */
function hasWebAlone(server: Capable): boolean {
  return servesByName(server) && !servesAlone(server, 'mail') && servesAlone(server, 'webmail');
}

function hasMailAlone(server: Capable): boolean {
  return servesAlone(server, 'mail') && !servesAlone(server, 'webmail');
}

function facts({ id, fingerprint, notBefore, notAfter }: StoredCertificate) {
  return { certificate: id, fingerprint, life: { notBefore, notAfter } };
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
  { taken, isWebmailTaken, server }: { taken: string[]; isWebmailTaken: boolean; server: Capable },
) {
  const webmail = isWebmailTaken ? undefined : webmailName(domain, names);
  // Our certificate is on this server for webmail only.
  if (!servesByName(server) || hasWebAlone(server))
    return webmail === undefined ? undefined : { names, probe: { webmail } };
  if (taken.length === 0) return { names, probe: { mail: mailName(domain, names), webmail } };
  const left = names.filter(name => !coversName(taken, name));
  const candidates = left.flatMap(name =>
    name.startsWith('*.') ? LABELS.map(label => name.replace('*', label)) : [name],
  );
  const mail = candidates.find(name => !coversName(taken, name));
  // A server for mail only shows nothing of webmail, whose name may be in the provided certificate.
  const web = hasMailAlone(server) ? undefined : webmail;
  if (mail === undefined && web === undefined) return undefined;
  // The host requires that an entry's names cover the names of its check.
  const covers = web === undefined || coversName(left, web);
  return { names: covers ? left : [...left, web!], probe: { mail, webmail: web } };
}

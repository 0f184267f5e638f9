/**
 * Writes the delivery object: one transaction of work for one server, in plain text that awk can
 * read.
 */
import { createHash } from 'node:crypto';
import { rowLine } from '../audit/audit.ts';
import type { Delivery, DeliveryEntry } from '../record/delivery.ts';

/**
 * The host refuses a delivery that is older than this: 600 s to reach the host and 1,800 s to run,
 * with room to spare (docs/protocol.md, "Times that agree").
 */
export const DELIVERY_LIFETIME_SECONDS = 2_700;

/**
 * @param now milliseconds since the epoch
 * @returns the object's text, and the text's sha256 in hex, by which the delivery is named
 *   everywhere
 */
export function writeDelivery(delivery: Delivery, now: number): { text: string; hash: string } {
  const issuedAt = Math.floor(now / 1000);
  const lines = [
    'sealpost-delivery 1',
    `server ${delivery.server}`,
    `seq ${delivery.seq}`,
    `issued-at ${issuedAt}`,
    `not-after ${issuedAt + DELIVERY_LIFETIME_SECONDS}`,
    `mode ${delivery.mode}`,
    `adopt ${consent(delivery)}`,
    ...(delivery.webmail ? [`webmail ${delivery.webmail.name} ${delivery.webmail.file}`] : []),
    ...(delivery.leaveOut ? [`leave-out ${delivery.leaveOut.join(' ')}`] : []),
    `entries ${delivery.entries.length}`,
    'roots',
    ...certificatesIn(delivery.roots),
    ...delivery.entries.flatMap(writeEntry),
    ...(delivery.rows ?? []).map(rowLine),
    'end',
  ];
  const text = lines.join('\n') + '\n';
  return { text, hash: createHash('sha256').update(text).digest('hex') };
}

function consent({ adopt }: Delivery): string {
  if (adopt === 'with-losses') return adopt;
  return adopt ? 'yes' : 'no';
}

function writeEntry(entry: DeliveryEntry, index: number): string[] {
  const { install } = entry;
  const kind = entry.host ? 'host' : (entry.for ?? 'domain');
  if (!install) return [`entry ${index + 1} remove ${entry.domain} ${entry.v} - - ${kind}`];
  return [
    `entry ${index + 1} install ${entry.domain} ${entry.v} ${install.certificate} ${install.fingerprint} ${kind}`,
    `names ${install.names.join(' ')}`,
    `probe ${install.probe.mail ?? '-'} ${install.probe.webmail ?? '-'}`,
    ...pemLines(install.pem),
  ];
}

/**
 * A bundle of roots may contain comments and names between its certificates (RFC 7468 §2). The
 * host's parser knows none of these.
 */
function certificatesIn(bundle: string): string[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap(pemLines);
}

function pemLines(pem: string): string[] {
  return pem.split(/\r?\n/).filter(line => line !== '');
}

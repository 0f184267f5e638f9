/** Whether a domain's CAA records let our CA issue for it (RFC 8659, RFC 8657): looked at before the CA's patience is used. */
import { SealpostError } from '../errors.ts';
import type { CaaProperty, Dns } from './authoritative.ts';

export interface Issuing {
  /** How CAA records may name the CA: `meta.caaIdentities` of its directory (RFC 8555 §7.1.1). */
  identities: string[];
  /** RFC 8657 §3; undefined where there is none yet. */
  accountUrl?: string;
}

/**
 * @param names of the certificate, wildcards among them
 * @throws CaaForbids with the record that forbids it; DnsNotPropagated where the answer is unknown (a CA refuses then, too)
 */
export async function checkCaa(dns: Dns, names: string[], issuing: Issuing): Promise<void> {
  // A CA that does not say what it is called cannot be looked for; it looks itself.
  if (issuing.identities.length === 0) return;
  const recordsOf = new Map<string, ReturnType<typeof relevantRecords>>();
  for (const name of names) {
    const bare = name.replace(/^\*\./, '');
    if (!recordsOf.has(bare)) recordsOf.set(bare, relevantRecords(dns, bare));
    const { at, records } = await recordsOf.get(bare)!;
    const forbidden = forbids(records, name.startsWith('*.'), issuing);
    if (forbidden === undefined) continue;
    const cure = `Add this line to the zone: ${at}. CAA 0 issue "${issuing.identities[0]}"`;
    throw new SealpostError('CaaForbids', names[0]!, `CAA at ${at} forbids ${name}: ${forbidden}. ${cure}`);
  }
}

/** RFC 8659 §3: the first record set on the way up from the name, the top-level domain included. */
async function relevantRecords(dns: Dns, name: string): Promise<{ at: string; records: CaaProperty[] }> {
  for (let at = name; at !== ''; at = at.includes('.') ? at.slice(at.indexOf('.') + 1) : '') {
    const records = await dns.caa(at);
    if (records.length > 0) return { at, records };
  }
  return { at: name, records: [] };
}

/** @returns what forbids it, in words; undefined where it may be issued */
export function forbids(records: CaaProperty[], wildcard: boolean, issuing: Issuing): string | undefined {
  const known = ['issue', 'issuewild', 'iodef', 'issuemail', 'issuevmc', 'contactemail', 'contactphone'];
  const unknown = records.find(({ critical, tag }) => critical && !known.includes(tag));
  if (unknown) return `it has a critical property "${unknown.tag}" that nobody here knows`; // §4.5
  const tagged = (wanted: string) => records.filter(({ tag }) => tag === wanted);
  const wild = wildcard ? tagged('issuewild') : [];
  const deciding = wild.length > 0 ? wild : tagged('issue'); // §4.3: issuewild, where there is one, decides alone
  if (deciding.length === 0 || deciding.some(({ value }) => allows(value, issuing))) return undefined;
  return deciding.map(({ tag, value }) => `${tag} "${value}"`).join(', ');
}

/** `letsencrypt.org; accounturi=https://…; validationmethods=dns-01` */
function allows(value: string, { identities, accountUrl }: Issuing): boolean {
  const [issuer, ...parameters] = value.split(';').map(part => part.trim());
  if (!identities.some(identity => identity.toLowerCase() === issuer!.toLowerCase())) return false;
  return parameters.every(parameter => {
    const [tag, ...rest] = parameter.split('=');
    const wanted = rest.join('=').trim();
    if (/^accounturi$/i.test(tag!.trim())) return accountUrl === undefined || wanted === accountUrl;
    if (/^validationmethods$/i.test(tag!.trim())) return wanted.split(',').some(method => method.trim() === 'dns-01');
    return true;
  });
}

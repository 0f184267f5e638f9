/**
 * Whether a domain's CAA records allow a CA to issue (RFC 8659, RFC 8657). The records are checked
 * before the order, because a failed order counts for the CA's rate limits.
 */
import { SealpostError } from '../errors.ts';
import type { CaaProperty, Dns } from './authoritative.ts';

export interface Issuing {
  /**
   * The names of the CA in CAA records: `meta.caaIdentities` of its directory (RFC 8555 §7.1.1).
   */
  identities: string[];
  /** RFC 8657 §3. Called only if a record names an account. Without an account the CA decides. */
  accountUrl: () => Promise<string | undefined>;
}

/** For each name the deciding records and where they are, looked up once for all CAs. */
export type CaaFound = { name: string; at: string; records: CaaProperty[] }[];

/**
 * Looks up, for each name, the first record set on the way up to the top-level domain (RFC 8659
 * §3).
 * @param names of the certificate, wildcards included
 * @throws SealpostError DnsNotPropagated if an answer is unknown; a CA refuses then, too
 */
export async function lookUpCaa(dns: Dns, names: string[]): Promise<CaaFound> {
  const asked = new Map<string, Promise<CaaProperty[]>>();
  const recordsAt = (at: string) => asked.get(at) ?? asked.set(at, dns.caa(at)).get(at)!;
  const found: CaaFound = [];
  for (const name of names) {
    const bare = name.replace(/^\*\./, '');
    let [at, records]: [string, CaaProperty[]] = [bare, []];
    for (let place = bare; place !== '' && records.length === 0; place = parentOf(place)) {
      at = place;
      records = await recordsAt(place);
    }
    found.push({ name, at, records });
  }
  return found;
}

/** @throws SealpostError CaaForbids with the record that forbids it */
export async function checkCaa(found: CaaFound, issuing: Issuing): Promise<void> {
  // A CA that names no identities cannot be found in a record. The CA checks CAA itself.
  if (issuing.identities.length === 0) return;
  const namesAccount = found.some(({ records }) => records.some(({ value }) => /;\s*accounturi\s*=/i.test(value)));
  const accountUrl = namesAccount ? await issuing.accountUrl() : undefined;
  for (const { name, at, records } of found) {
    const forbidden = forbids({ name, records }, { ...issuing, accountUrl });
    if (forbidden === undefined) continue;
    const cure = `Add this line to the zone: ${at}. CAA 0 issue "${issuing.identities[0]}"`;
    throw new SealpostError('CaaForbids', {
      about: found[0]!.name,
      message: `CAA at ${at} forbids ${name}: ${forbidden}. ${cure}`,
    });
  }
}

interface Known {
  identities: string[];
  accountUrl?: string;
}

/**
 * The critical flag is the highest bit. CAs accept the lowest bit as well, because many zones use
 * it by mistake.
 */
const CRITICAL = 128 | 1;
const known = ['issue', 'issuewild', 'iodef', 'issuemail', 'issuevmc', 'contactemail', 'contactphone'];

/** @returns the reason, in words; undefined if the CA may issue */
function forbids({ name, records }: Pick<CaaFound[number], 'name' | 'records'>, issuing: Known): string | undefined {
  const unknown = records.find(({ flags, tag }) => (flags & CRITICAL) !== 0 && !known.includes(tag));
  // RFC 8659 §4.1
  if (unknown) return `it has a critical property "${unknown.tag}" that nobody here knows`;
  const tagged = (wanted: string) => records.filter(({ tag }) => tag === wanted);
  const wild = name.startsWith('*.') ? tagged('issuewild') : [];
  // RFC 8659 §4.3: issuewild, if there is one, decides alone
  const deciding = wild.length > 0 ? wild : tagged('issue');
  if (deciding.length === 0 || deciding.some(({ value }) => allows(value, issuing))) return undefined;
  return deciding.map(({ tag, value }) => `${tag} "${value}"`).join(', ');
}

/**
 * Reads a value such as `letsencrypt.org; accounturi=https://…; validationmethods=dns-01` (RFC 8659
 * §4.2). A value that does not have this form names no CA.
 */
function allows(value: string, { identities, accountUrl }: Known): boolean {
  const [issuer, ...parts] = value.split(';').map(withoutBlanks);
  if (!identities.some(identity => identity.toLowerCase() === issuer!.toLowerCase())) return false;
  const written = parts.length === 1 && parts[0] === '' ? [] : parts; // "ca.example;" has none
  const parameters = written.map(part => /^([a-z0-9]+(?:-+[a-z0-9]+)*)[ \t]*=[ \t]*([!-:<-~]*)$/i.exec(part));
  if (parameters.includes(null)) return false;
  const given = (tag: string) => parameters.flatMap(found => (found![1]!.toLowerCase() === tag ? [found![2]!] : []));
  const [accounts, methods] = [given('accounturi'), given('validationmethods')];
  // RFC 8657 §3 and §4: no CA satisfies a value with two of the same. Other parameters are for the
  // CA to check.
  if (accounts.length > 1 || methods.length > 1) return false;
  if (accounts.length === 1 && accountUrl !== undefined && accounts[0] !== accountUrl) return false;
  return methods.length === 0 || methods[0]!.split(',').includes('dns-01');
}

/**
 * A loop and no pattern: `[ \t]+$` takes quadratic time on a value of 64 KB that a customer wrote.
 */
function withoutBlanks(text: string): string {
  const isBlank = (at: number) => text[at] === ' ' || text[at] === '\t';
  let [from, to] = [0, text.length];
  while (from < to && isBlank(from)) from++;
  while (to > from && isBlank(to - 1)) to--;
  return text.slice(from, to);
}

function parentOf(name: string): string {
  return name.includes('.') ? name.slice(name.indexOf('.') + 1) : '';
}

/**
 * Host names as people type them, and as certificates carry them: A-labels, lower case, no final
 * dot.
 */
import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import { parse as parseSuffix } from 'tldts';
import { SealpostError } from '../errors.ts';

/** Let's Encrypt's profiles `tlsserver` and `shortlived` allow 25 names in a certificate. */
const mostNames = 25;
/** A name in DNS has at most 253 characters (RFC 1035 §2.3.4, without the final dot). */
const LONGEST = 253;
/** A name is validated at `_acme-challenge.<name>` (RFC 8555 §8.4), which has to fit as well. */
const LONGEST_CERTIFIED = LONGEST - '_acme-challenge.'.length;

/**
 * `field` is what the sender called the value; the message names it. `isLeaving` if no certificate
 * is wanted for the name any more: a name that is too long for a challenge can still be deleted.
 * `isKnown` if the name may be on record: a newer list of public suffixes does not keep a domain
 * from its evaluation, nor from its deletion.
 */
interface From {
  field: string;
  isLeaving?: boolean;
  isKnown?: boolean;
}

/**
 * Reads a customer's domain, given as Unicode or as A-labels.
 * @throws SealpostError InvalidStepInput
 */
export function parseDomain(text: string, from: From): string {
  const { field } = from;
  if (typeof text === 'string' && text.startsWith('*.')) {
    const bare = text.slice(2);
    throw invalid(text, { field, problem: 'is a wildcard', remedy: `give ${quoted(bare)} and "policy":"wildcard"` });
  }
  return parseName(text, { ...from, wanted: 'the domain that the mail addresses end in, e.g. "example.com"' });
}

/**
 * Reads the host name of a mail or webmail server.
 * @throws SealpostError InvalidStepInput
 */
export function parseHostName(text: string, from: From): string {
  return parseName(text, { ...from, wanted: 'the full host name of the server, e.g. "mx1.provider.example"' });
}

/**
 * The names of a domain's certificate. The domain itself comes first if it is one of the names.
 * @param wish.domain as `parseDomain` returns it
 * @param wish.names with policy `list`: labels under the domain, or `@` for the domain itself
 * @throws SealpostError InvalidStepInput
 */
export function planNames(wish: { domain: string; policy: 'wildcard' | 'list'; names?: string[] }): string[] {
  const { domain, policy, names = [] } = wish;
  if (policy === 'wildcard') return [domain, `*.${domain}`];
  if (names.length === 0) {
    const remedy = 'with "policy":"list" give labels under the domain, e.g. ["mail"]';
    throw invalid(names, { field: 'detail.names', problem: 'is empty', remedy, about: domain });
  }
  const planned = new Set(names.map(label => (label === '@' ? domain : underDomain({ label, domain }))));
  if (planned.size > mostNames) {
    const remedy = `give at most ${mostNames}, or "policy":"wildcard"`;
    const problem = `has ${planned.size} different names`;
    throw invalid(names, { field: 'detail.names', problem, remedy, about: domain });
  }
  return [...planned].sort((a, b) => Number(b === domain) - Number(a === domain));
}

/**
 * True if a certificate with `names` is valid for `name`. A wildcard stands for exactly one label
 * (RFC 6125 §6.4.3).
 */
export function coversName(names: string[], name: string): boolean {
  return names.includes(name) || names.includes(`*.${name.slice(name.indexOf('.') + 1)}`);
}

/**
 * True if a name of a certificate belongs to the domain: the domain itself, its wildcard, or one
 * label under the domain.
 */
export function isUnder({ name, domain }: { name: string; domain: string }): boolean {
  return name === domain || name.slice(name.indexOf('.') + 1) === domain;
}

/**
 * The server name for a handshake with a mail daemon: `mail.<domain>` if the certificate covers it.
 */
export function mailName(domain: string, names: string[]): string {
  const usual = `mail.${domain}`;
  if (coversName(names, usual)) return usual;
  return names.find(name => !name.startsWith('*.')) ?? names[0]!.replace('*', 'mail');
}

export function webmailName(domain: string, names: string[]): string | undefined {
  const usual = `webmail.${domain}`;
  return coversName(names, usual) ? usual : undefined;
}

/** For people: `bücher.example (xn--bcher-kva.example)`. An ASCII name stays as it is. */
export function showDomain(domain: string): string {
  const unicode = domainToUnicode(domain);
  return unicode && unicode !== domain ? `${unicode} (${domain})` : domain;
}

function underDomain({ label, domain }: { label: string; domain: string }): string {
  const wanted = 'give labels under the domain, e.g. "mail", or "@" for the domain itself';
  const refuse = (problem: string, { remedy }: { remedy: string } = { remedy: wanted }) =>
    invalid(label, { field: 'detail.names', problem, remedy, about: domain });
  if (typeof label !== 'string' || label === '') throw refuse('is an empty label');
  if (label.includes('*')) throw refuse('is a wildcard', { remedy: 'use "policy":"wildcard" without names' });
  const name = parseName(`${label}.${domain}`, { field: 'detail.names', wanted });
  if (name.endsWith(`.${domain}.${domain}`) || name === `${domain}.${domain}`) {
    throw refuse('repeats the domain');
  }
  return name;
}

function parseName(
  text: string,
  { field, isLeaving = false, isKnown = false, wanted }: From & { wanted: string },
): string {
  const remedy = `give ${wanted.replace(/^give /, '')}`;
  const refuse = (problem: string) => invalid(text, { field, problem, remedy });
  if (typeof text !== 'string') throw refuse('is not a text');
  if (text === '') throw refuse('is empty');
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare)) throw refuse('is an IP address, not a name');
  if (/[\p{C}\p{Z}]/u.test(text)) throw refuse('has a space or an invisible character in it');
  if (text.includes('_')) throw refuse('has an underscore, which no CA certifies');
  // A name goes into file names, configuration and command lines of a mail server. Of ASCII, a name
  // may therefore have letters, digits, hyphens and dots only.
  const odd = text.match(/[^a-z0-9.\-\u0080-\u{10ffff}]/iu);
  if (odd) throw refuse(`has the character ${quoted(odd[0])} in it`);
  const name = domainToASCII(text.replace(/[.。]$/, '')).toLowerCase();
  if (isIP(name)) throw refuse('is an IP address, not a name');
  const labels = (name || text.replace(/\.$/, '')).split('.');
  if (labels.some(label => label.length > 63)) throw refuse('has a label of more than 63 characters');
  if (labels.some(label => label === '')) throw refuse('has an empty label (two dots, or one at the start)');
  if (name === '') throw refuse('is not a domain name');
  if (name.length > LONGEST) throw refuse(`is longer than ${LONGEST} characters`);
  if (name.length > LONGEST_CERTIFIED && !isLeaving)
    throw refuse(
      `is longer than ${LONGEST_CERTIFIED} characters, with which "_acme-challenge." before it is too long for DNS`,
    );
  // Hyphens at the third and fourth position are for A-labels only (RFC 5890 §2.3.1). A CA refuses
  // a label that has them and is no A-label.
  const wrong = labels.find(label => !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label) || /^(?!xn).{2}--/.test(label));
  if (wrong !== undefined) throw refuse(`has the label ${quoted(wrong)}, which is not allowed`);
  if (domainToASCII(domainToUnicode(name)) !== name) throw refuse('holds an A-label ("xn--…") that stands for nothing');
  if (labels.length < 2) throw refuse('is a single label');
  const { publicSuffix, isIcann } = parseSuffix(name, { allowPrivateDomains: false });
  if (isIcann && publicSuffix === name && !isKnown) throw refuse('is a public suffix, under which others register');
  return name;
}

function invalid(
  value: unknown,
  why: { field: string; problem: string; remedy: string; about?: string },
): SealpostError {
  const { field, problem, remedy, about = String(value) } = why;
  return new SealpostError('InvalidStepInput', {
    about: about.slice(0, 253),
    message: `${field} ${quoted(value)} ${problem}: ${remedy}.`,
  });
}

function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/**
 * `sealpost import --from`: what another tool has, as a table that a person reads before it is
 * imported. Nothing else is done, and AWS is not asked.
 */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parse } from 'csv-parse/sync';
import { getDomain } from 'tldts';
import type { Answer, Here } from './here.ts';
import { readTable } from './import-rows.ts';
import type { Source } from './import-sources.ts';
import { mistyped, type Refusal } from './refusal.ts';

interface Store {
  certificates: RegExp;
  /** Of the ACME account, which can be brought (docs/deploying.md). */
  accountKeys: RegExp;
}
/** Below the tool's own directory: /etc/letsencrypt, ~/.lego, ~/.acme.sh. */
const STORES: Record<Exclude<Source, 'list'>, Store> = {
  certbot: { certificates: /^live\/[^/]+\/cert\.pem$/, accountKeys: /^accounts\/.*\/private_key\.json$/ },
  // lego has the chain in a file beside the certificate.
  lego: { certificates: /^certificates\/(?!.*\.issuer\.crt$)[^/]+\.crt$/, accountKeys: /^accounts\/.*\.key$/ },
  'acme.sh': {
    certificates: /^(?!ca\/)[^/]+\/(?!(ca|fullchain)\.cer$)[^/]+\.cer$/,
    accountKeys: /^ca\/.*\/account\.key$/,
  },
};

interface Found {
  /** By domain: labels, `@` for the domain itself, `*` for the wildcard. */
  domains: Map<string, Set<string>>;
  told: string[];
  problems: string[];
}

export async function importFrom(
  here: Here,
  { from, servers, to }: { from: Source; servers?: string[]; to?: string },
  path: string,
): Promise<Answer> {
  if (servers === undefined || to === undefined) {
    const message = 'import --from needs --servers SERVERS and --to FILE.';
    throw mistyped({ name: 'MissingOption', message, remedy: 'See sealpost help import.' });
  }
  const found = from === 'list' ? listed(read(path)) : certificates(path, STORES[from]);
  const rows = [...found.domains]
    .sort()
    .map(([domain, labels]) => rowOf({ domain, server: servers.join(' ') }, labels));
  const table = ['domain,server,policy,names', ...rows, ''].join('\n');
  const { problems } = readTable(Buffer.from(table));
  const wrong = [
    ...found.problems,
    ...problems.map(({ line, field, text }) => `${to}, line ${line}, ${field}: ${text}`),
  ];
  writeFileSync(to, table, { mode: 0o600 });
  for (const line of [...found.told, ...wrong]) here.say(line);
  const text = `${rows.length} domains are in ${to}, ${wrong.length} problems. Read the file, then: sealpost import ${to}`;
  return {
    text,
    data: { file: to, domains: rows.length, problems: wrong },
    isWell: wrong.length === 0 && rows.length > 0,
  };
}

function rowOf({ domain, server }: { domain: string; server: string }, labels: Set<string>): string {
  if (labels.has('*')) return `${domain},${server},wildcard,`;
  return `${domain},${server},list,${[...labels].sort().join(' ')}`;
}

function certificates(path: string, { certificates: pattern, accountKeys }: Store): Found {
  const found: Found = { domains: new Map(), told: [], problems: [] };
  const all = filesBelow(path);
  const files = all.filter(file => pattern.test(file));
  if (files.length === 0)
    found.problems.push(`${path} has no certificate where the tool keeps them; name its directory`);
  for (const file of files) {
    const one = readCertificate(join(path, file));
    if (typeof one === 'string') {
      found.problems.push(one);
      continue;
    }
    found.told.push(`${file}: ${one.names.join(', ')}; by ${one.issuer}, until ${one.until}`);
    for (const name of one.names) {
      const place = placeOf(name);
      if (place) found.domains.set(place.domain, new Set([...(found.domains.get(place.domain) ?? []), place.label]));
      else found.problems.push(`${file}: a wildcard of its domain does not cover ${name}; add it by hand`);
    }
  }
  const told = all
    .filter(file => accountKeys.test(file))
    .map(key => `${join(path, key)} is a key of its ACME account; docs/deploying.md says how to bring it`);
  return { ...found, told: [...found.told, ...told] };
}

/** @returns paths with slashes, sorted */
function filesBelow(path: string): string[] {
  try {
    const entries = readdirSync(path, { recursive: true, encoding: 'utf8' });
    return entries.map(entry => entry.replaceAll(sep, '/')).sort();
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** @returns a sentence if the certificate is of no use */
function readCertificate(file: string): { names: string[]; issuer: string; until: string } | string {
  try {
    const { subjectAltName = '', issuer, validTo } = new X509Certificate(readFileSync(file));
    const end = new Date(validTo);
    const until = end.toISOString().slice(0, 10);
    if (end.getTime() < Date.now()) return `${file} has expired (${until}); it is left out`;
    const names = [...subjectAltName.matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => name!.toLowerCase());
    if (names.length === 0) return `${file} names no domain; it is left out`;
    return { names, issuer: /^(?:O|CN)=(.*)$/m.exec(issuer)?.[1] ?? 'an unnamed CA', until };
  } catch (error) {
    return `${file} cannot be read as a certificate (${(error as Error).message}); it is left out`;
  }
}

/** @returns undefined for a name that neither a label nor the wildcard of its domain covers */
function placeOf(name: string): { domain: string; label: string } | undefined {
  const domain = getDomain(name.replace(/^\*\./, ''), { allowPrivateDomains: true });
  if (domain === null) return undefined;
  const label = domain === name ? '@' : name.slice(0, -domain.length - 1);
  return /.\*|\*./.test(label) ? undefined : { domain, label };
}

/** A domain a line, `domain: user` as cPanel keeps them, or a table with a column of domains. */
function listed(text: string): Found {
  const delimiter = [',', ';', '\t', ':'].find(one => text.includes(one)) ?? ',';
  const records = parse(text, {
    delimiter,
    bom: true,
    trim: true,
    relax_column_count: true,
    relax_quotes: true,
  }) as string[][];
  const head = records[0] ?? [];
  const named = head.findIndex(cell => /^(domain|domain[ _]name|name)$/i.test(cell));
  const found: Found = { domains: new Map(), told: [], problems: [] };
  for (const [i, record] of records.entries()) {
    const name = record[Math.max(0, named)]?.toLowerCase() ?? '';
    // cPanel's userdomains ends with a row for everything else.
    if (name === '' || name === '*' || (i === 0 && named >= 0)) continue;
    if (name.includes('.')) found.domains.set(name, new Set(['*']));
    else found.problems.push(`row ${i + 1}: ${JSON.stringify(name)} is no domain; it is left out`);
  }
  return found;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(path: string, error: unknown): Refusal {
  const message = `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`;
  return mistyped({ name: 'UnreadableFile', message, remedy: 'Name a file or a directory that you may read.' });
}

/**
 * `sealpost provide`: a domain is served with a certificate that its owner brings, or no longer.
 * The private key goes into S3 by the person's own rights, and nowhere else.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspectChain } from '../core/certificate/certificate.ts';
import { readProvided } from '../core/certificate/from-elsewhere.ts';
import { coversName, planNames } from '../core/certificate/names.ts';
import { serversOf, type DomainRecord, type ProvidedCertificate, type Use } from '../core/record/domain.ts';
import { markAt, needsNoOrder, takenOverAt, uses, type Provided } from '../core/record/provided.ts';
import { SealpostError } from '../core/errors.ts';
import type { Answer, Elsewhere, Here } from './here.ts';
import { mistyped } from './refusal.ts';
import { when } from './when.ts';
import { servesAlone } from '../core/record/capability.ts';

export interface ProvideRequest {
  domain: string;
  for: Use[];
  /** Files. */
  pem: string;
  key?: string;
}

interface ProvideOptions {
  for?: 'mail' | 'webmail' | 'both';
  pem?: string;
  key?: string;
  withdraw?: boolean;
}

/** @param domain as parseDomain returns it */
export async function provideOrWithdraw(here: Here, options: ProvideOptions, domain: string): Promise<Answer> {
  const { pem, key, withdraw: isWithdrawn = false } = options;
  const refuse = (message: string) =>
    mistyped({ name: 'InvalidCombination', message, remedy: 'See sealpost help provide.' });
  const wanted = parseUses(options.for ?? (isWithdrawn ? 'both' : undefined));
  if (!wanted) throw refuse('provide needs --for mail, --for webmail or --for both.');
  if (isWithdrawn === (pem !== undefined) || (isWithdrawn && key !== undefined))
    throw refuse('provide needs either --pem FILE (and --key FILE, where the key is not in it) or --withdraw.');
  const { elsewhere } = await here.environment();
  if (isWithdrawn) return withdraw(domain, wanted, await elsewhere(), Date.now());
  const request = { domain, for: wanted, pem: pem!, ...(key !== undefined && { key }) };
  return provide(request, await elsewhere(), Date.now());
}

/** @throws SealpostError InvalidStepInput */
export async function provide(request: ProvideRequest, here: Elsewhere, now: number): Promise<Answer> {
  const { domain } = request;
  const record = await wishedDomain(domain, here);
  for (const use of request.for) await requireServer(record, use, here);
  const covers = request.for.map(use => `${use}.${domain}`);
  const pem = read({ file: request.pem, option: '--pem', domain });
  const key = request.key === undefined ? undefined : read({ file: request.key, option: '--key', domain });
  const { keyPem, chainPem } = await readProvided({ domain, pem, key, covers, roots: here.roots, now });
  const certificate = describe(chainPem, now);
  if (certificate.renewAt <= now)
    throw refused({
      domain,
      problem: `--pem: the certificate ends ${when({ at: certificate.notAfter, now })}`,
      remedy: 'give one that lasts longer',
    });
  const provided = await change(domain, here, now, async before => {
    const same = await storedAlready({ domain, before, fingerprint: certificate.fingerprint, chainPem }, here);
    if (!same) await put({ domain, id: certificate.id, keyPem, chainPem }, here);
    return { ...before, ...Object.fromEntries(request.for.map(use => [use, same ?? certificate])) };
  });
  const { fingerprint, names, issuedBy, notBefore, notAfter, renewAt: takenOverAt } = certificate;
  return {
    text: told(certificate, request.for, { ...record, provided }, now),
    data: { domain, for: request.for, fingerprint, names, issuedBy, notBefore, notAfter, takenOverAt },
    isWell: true,
  };
}

/** @throws SealpostError InvalidStepInput */
export async function withdraw(domain: string, given: Use[], here: Elsewhere, now: number): Promise<Answer> {
  const record = await wishedDomain(domain, here);
  const gone = given.filter(use => record.provided?.[use]);
  const answer = (text: string) => ({ text, data: { domain, withdrawn: gone }, isWell: true });
  if (gone.length === 0) return answer(`Nothing is provided for ${given.join(' and ')} of ${domain}.`);
  await change(domain, here, now, async before => {
    const left = Object.fromEntries(Object.entries(before ?? {}).filter(([use]) => !given.includes(use as Use)));
    return Object.keys(left).length > 0 ? left : undefined;
  });
  const next = record.current ? 'ours goes out within a minute' : 'one of ours is ordered within a minute';
  return answer(
    `Withdrawn for ${gone.join(' and ')} of ${domain}: ${next}; the withdrawn one stays until ours is seen served.`,
  );
}

async function wishedDomain(domain: string, { store }: Elsewhere): Promise<DomainRecord> {
  const record = await store.readDomain(domain);
  if (!record?.spec || record.spec.deleted)
    throw refused({ domain, problem: `the domain ${domain} is not known here`, remedy: 'put Domain Created first' });
  if (record.spec.host)
    throw refused({
      domain,
      problem: `${domain} is a server's own host name, which sealpost secures by itself`,
      remedy: 'name a customer’s domain',
    });
  return record;
}

async function requireServer({ domain, spec }: DomainRecord, use: Use, { store }: Elsewhere): Promise<void> {
  const records = await Promise.all(serversOf(spec!).map(server => store.readServer(server)));
  // A server that is not inspected yet may be able to.
  if (records.some(record => !record?.capability || servesAlone(record, use))) return;
  throw refused({
    domain,
    problem: `--for ${use}: no server of ${domain} serves ${use} by name`,
    remedy: `say ${use === 'mail' ? '--for webmail' : '--for mail'}, or put Domain Changed with a server that does`,
  });
}

function read({ file, option, domain }: { file: string; option: string; domain: string }): string {
  try {
    return readFileSync(file, 'latin1'); // a file that is not PEM is named as what it is
  } catch (error) {
    const problem = `${option} ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw refused({ domain, problem, remedy: 'name a file that you may read' });
  }
}

/** The leaf alone does not tell: it may come again with a corrected chain, which then goes out. */
async function storedAlready(
  given: { domain: string; before: Provided | undefined; fingerprint: string; chainPem: string },
  { certificates }: Elsewhere,
): Promise<ProvidedCertificate | undefined> {
  const { domain, before, fingerprint, chainPem } = given;
  for (const one of uses.flatMap(use => before?.[use] ?? []))
    if (one.fingerprint === fingerprint && (await certificates.readChain({ domain, id: one.id })) === chainPem)
      return one;
  return undefined;
}

interface Files {
  domain: string;
  id: string;
  keyPem: string;
  chainPem: string;
}

/** The objects are stored before the record names them. */
async function put({ domain, id, keyPem, chainPem }: Files, { certificates }: Elsewhere): Promise<void> {
  await certificates.putKeyOnce({ domain, id }, keyPem);
  await certificates.putChain({ domain, id }, chainPem);
}

function describe(chainPem: string, now: number): ProvidedCertificate {
  const { names, notBefore, notAfter, sha256, issuer } = inspectChain(chainPem);
  const told = markAt({ notAfter, now });
  // A place of its own each time: the place of a withdrawn certificate may be emptied just now.
  const id = createHash('sha256').update(`${sha256} ${now}`).digest('hex');
  return {
    ...{ id, fingerprint: sha256, names, notBefore, notAfter, issuer: 'elsewhere', issuedBy: issuer },
    renewAt: Math.round(takenOverAt({ notBefore, notAfter })),
    // The person who brings the certificate knows its end: no warning for marks that are past.
    ...(told !== undefined && { told }),
  };
}

/** Reads and writes again if the record has changed meanwhile: others may provide, too. */
async function change(
  domain: string,
  { store }: Elsewhere,
  now: number,
  next: (before: Provided | undefined) => Promise<Provided | undefined>,
): Promise<Provided | undefined> {
  for (let tries = 0; tries < 5; tries++) {
    const { provided: before } = (await store.readDomain(domain)) ?? {};
    const provided = await next(before);
    if (await store.provide(domain, { provided, before, now })) return provided;
  }
  throw refused({
    domain,
    problem: `${domain} was changed by others at the same time, or deleted`,
    remedy: 'try again',
  });
}

function told(certificate: ProvidedCertificate, given: Use[], record: DomainRecord, now: number): string {
  const { names, issuedBy, notAfter, renewAt, fingerprint } = certificate;
  const lines = [
    `Provided for ${given.join(' and ')} of ${record.domain}: issued by ${issuedBy}, until ${when({ at: notAfter, now })}, ${fingerprint}.`,
    'The certificate goes out within a minute; sealpost status shows where it was seen served.',
  ];
  if (!needsNoOrder(record, now))
    return [
      ...lines,
      `Sealpost cannot renew this certificate: ours takes its place ${when({ at: renewAt, now })}.`,
    ].join('\n');
  const all = uses.flatMap(use => record.provided?.[use]?.names ?? []);
  const left = planNames(record.spec!).filter(name => !coversName([...names, ...all], name));
  const beside = record.current
    ? `${left.join(', ')}: ours goes on until ${when({ at: record.current.notAfter, now })} and is not renewed meanwhile.`
    : `${left.join(', ')}: nothing secures these names meanwhile.`;
  lines.push(
    'Nothing is ordered while this certificate is good. ' +
      `Sealpost cannot renew it: ours is ordered ${when({ at: renewAt, now })}.`,
  );
  return [...lines, ...(left.length > 0 ? [beside] : [])].join('\n');
}

export function parseUses(text: string | undefined): Use[] | undefined {
  if (text === 'both') return uses;
  return uses.find(use => use === text) && [text as Use];
}

type Problem = { domain: string; problem: string; remedy: string };

function refused({ domain, problem, remedy }: Problem): SealpostError {
  return new SealpostError('InvalidStepInput', { about: domain, message: `${problem}; ${remedy}` });
}

/** `sealpost provide`: a certificate from elsewhere for a domain, or no longer. The key goes into S3 and nowhere else, by the person's own rights. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspectChain } from '../core/certificate/certificate.ts';
import { readFromElsewhere } from '../core/certificate/from-elsewhere.ts';
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
    mistyped({ name: 'InvalidCombination', message, remedy: 'See npx sealpost help provide.' });
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
  const pem = read(request.pem, '--pem', domain);
  const key = request.key === undefined ? undefined : read(request.key, '--key', domain);
  const { keyPem, chainPem } = readFromElsewhere({ domain, pem, key, covers, roots: here.roots, now });
  const certificate = describe(chainPem, now);
  if (certificate.renewAt <= now)
    throw refused(domain, `--pem: it ends ${when(certificate.notAfter, now)}`, 'give one that lasts longer');
  const provided = await change(domain, here, now, async before => {
    const same = uses.flatMap(use => before?.[use] ?? []).find(one => one.fingerprint === certificate.fingerprint);
    if (!same) await put(domain, certificate.id, { keyPem, chainPem }, here);
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
    `Withdrawn for ${gone.join(' and ')} of ${domain}: ${next}; until ours is seen, the other one goes on being served.`,
  );
}

async function wishedDomain(domain: string, { store }: Elsewhere): Promise<DomainRecord> {
  const record = await store.readDomain(domain);
  if (!record?.spec || record.spec.deleted)
    throw refused(domain, `the domain ${domain} is not known here`, 'put Domain Created first');
  if (record.spec.host)
    throw refused(domain, `${domain} is a server's own host name`, 'it is secured by itself; name a customer’s domain');
  return record;
}

async function requireServer({ domain, spec }: DomainRecord, use: Use, { store }: Elsewhere): Promise<void> {
  const records = await Promise.all(serversOf(spec!).map(server => store.readServer(server)));
  // One that is not inspected yet may be able to.
  if (records.some(record => !record?.capability || servesAlone(record, use))) return;
  throw refused(
    domain,
    `--for ${use}: no server of ${domain} serves ${use} by name`,
    `say ${use === 'mail' ? '--for webmail' : '--for mail'}, or put Domain Changed with a server that does`,
  );
}

function read(file: string, option: string, domain: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw refused(domain, `${option} ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, 'name a file');
  }
}

/** Before anybody is told of it. */
async function put(
  domain: string,
  id: string,
  { keyPem, chainPem }: { keyPem: string; chainPem: string },
  { certificates }: Elsewhere,
): Promise<void> {
  await certificates.putKeyOnce({ domain, id }, keyPem);
  await certificates.putChain({ domain, id }, chainPem);
}

function describe(chainPem: string, now: number): ProvidedCertificate {
  const { names, notBefore, notAfter, sha256, issuer } = inspectChain(chainPem);
  const told = markAt({ notAfter, now });
  // Another place each time it is brought: the one that was withdrawn may be emptied at this very moment.
  const id = createHash('sha256').update(`${sha256} ${now}`).digest('hex');
  return {
    ...{ id, fingerprint: sha256, names, notBefore, notAfter, issuer: 'elsewhere', issuedBy: issuer },
    renewAt: Math.round(takenOverAt({ notBefore, notAfter })),
    // Who brings it knows how long it lasts.
    ...(told !== undefined && { told }),
  };
}

/** As it was read, or once more: somebody else may provide at the same time, and the road notes whom it told. */
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
  throw refused(domain, `${domain} was changed by others at the same time, or deleted`, 'try again');
}

function told(certificate: ProvidedCertificate, given: Use[], record: DomainRecord, now: number): string {
  const { names, issuedBy, notAfter, renewAt, fingerprint } = certificate;
  const lines = [
    `Provided for ${given.join(' and ')} of ${record.domain}: issued by ${issuedBy}, until ${when(notAfter, now)}, ${fingerprint}.`,
    'It goes out within a minute; npx sealpost status shows where it was seen.',
  ];
  if (!needsNoOrder(record, now))
    return [...lines, `It cannot be renewed here: ours takes its place ${when(renewAt, now)}.`].join('\n');
  const all = uses.flatMap(use => record.provided?.[use]?.names ?? []);
  const left = planNames(record.spec!).filter(name => !coversName([...names, ...all], name));
  const beside = record.current
    ? `${left.join(', ')}: ours goes on until ${when(record.current.notAfter, now)} and is not renewed meanwhile.`
    : `${left.join(', ')}: nothing secures these names meanwhile.`;
  lines.push(`Nothing is ordered while it is good. It cannot be renewed here: ours is ordered ${when(renewAt, now)}.`);
  return [...lines, ...(left.length > 0 ? [beside] : [])].join('\n');
}

export function parseUses(text: string | undefined): Use[] | undefined {
  if (text === 'both') return uses;
  return uses.find(use => use === text) && [text as Use];
}

function refused(domain: string, problem: string, remedy: string): SealpostError {
  return new SealpostError('InvalidStepInput', { about: domain, message: `${problem}; ${remedy}` });
}

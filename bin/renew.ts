/** `sealpost renew`: one domain, all of a server, or all; asks for one part after the other. */
import { showDomain } from '../core/certificate/names.ts';
import type { Renewed, RenewRequest } from '../core/renewal/renew.ts';
import type { Answer, Here } from './here.ts';
import { mistyped } from './refusal.ts';

/** So many names are printed. Of further ones, only their number. */
const MOST_NAMES = 20;

/** @param domain as parseDomain returns it, `server` as parseHostName does */
export async function renew(here: Here, options: { server?: string; all?: boolean }, domain?: string): Promise<Answer> {
  const request = renewRequest({ ...options, ...(domain !== undefined && { domain }) });
  const { renew: ask } = await here.environment();
  return renewAll(request, ask, here);
}

function renewRequest({ domain, server, all }: { domain?: string; server?: string; all?: boolean }): RenewRequest {
  const wanted: RenewRequest[] = [
    ...(domain === undefined ? [] : [{ domain }]),
    ...(server === undefined ? [] : [{ server }]),
    ...(all ? [{ all: true as const }] : []),
  ];
  if (wanted.length === 1) return wanted[0]!;
  const message =
    wanted.length === 0
      ? 'renew needs a domain, or --server SERVER, or --all.'
      : 'renew needs a domain, or --server SERVER, or --all, and only one of them.';
  throw mistyped({ name: 'InvalidCombination', message, remedy: 'See npx sealpost help renew.' });
}

export async function renewAll(
  request: RenewRequest,
  renew: (request: RenewRequest) => Promise<Renewed>,
  { say, progress }: Pick<Here, 'say' | 'progress'>,
): Promise<Answer> {
  const asked: string[] = [];
  const already: string[] = [];
  let after: string | undefined;
  do {
    const part: Renewed = await renew({ ...request, ...(after !== undefined && { after }) });
    asked.push(...part.asked);
    already.push(...part.already);
    after = part.after;
    for (const domain of part.already.slice(0, MOST_NAMES))
      say(`${showDomain(domain)} was renewed within the last hour because somebody asked; it is left as it is.`);
    for (const domain of asked.length <= MOST_NAMES ? part.asked : []) progress(`${showDomain(domain)} is tried now.`);
    if (after !== undefined) progress(`${asked.length} so far`);
  } while (after !== undefined);
  const before = already.length > 0 ? `; ${already.length} were just now` : '';
  const text = `${asked.length} to be renewed, at once and not in the quiet hour${before}. npx sealpost watch shows the renewals.`;
  return { text, data: { asked, already }, isWell: true };
}

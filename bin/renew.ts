/** `sealpost renew`: one domain, all of a server, or all; asks for one part after the other. */
import { showDomain } from '../core/certificate/names.ts';
import type { Held, Renewed, RenewRequest } from '../core/renewal/renew.ts';
import { ASKED } from '../core/record/brake.ts';
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
  throw mistyped({ name: 'InvalidCombination', message, remedy: 'See sealpost help renew.' });
}

export async function renewAll(
  request: RenewRequest,
  renew: (request: RenewRequest) => Promise<Renewed>,
  { say, progress }: Pick<Here, 'say' | 'progress'>,
): Promise<Answer> {
  const asked: string[] = [];
  const already: string[] = [];
  const held: Held[] = [];
  let after: string | undefined;
  do {
    const part: Renewed = await renew({ ...request, ...(after !== undefined && { after }) });
    asked.push(...part.asked);
    already.push(...part.already);
    held.push(...(part.held ?? []));
    after = part.after;
    for (const one of (part.held ?? []).slice(0, MOST_NAMES)) say(heldLine(one));
    for (const { domain, left } of (part.counted ?? []).slice(0, MOST_NAMES)) say(costLine(domain, left));
    for (const domain of part.already.slice(0, MOST_NAMES))
      say(`${showDomain(domain)} was renewed within the last hour because somebody asked; it is left as it is.`);
    for (const domain of asked.length <= MOST_NAMES ? part.asked : []) progress(`${showDomain(domain)} is tried now.`);
    if (after !== undefined) progress(`${asked.length} so far`);
  } while (after !== undefined);
  const before = already.length > 0 ? `; ${already.length} were just now` : '';
  const later = held.length > 0 ? `; ${held.length} not before their next try` : '';
  const text = `${asked.length} to be renewed, at once and not in the quiet hour${before}${later}. sealpost watch shows the renewals.`;
  return { text, data: { asked, already, ...(held.length > 0 && { held }) }, isWell: true };
}

/** The CA's figure is Let's Encrypt's (page on rate limits of 2026-08-05). */
function costLine(domain: string, left: number): string {
  const cost = 'if this try fails, too, it is one of the 5 failed validations that the CA takes of a name in an hour';
  const more = left > 0 ? `${left} more can be asked for now` : 'the next one can be asked for in an hour';
  return `${showDomain(domain)} failed at the CA before: ${cost}; ${more}.`;
}

function heldLine({ domain, nextTry, reason, message }: Held): string {
  const often = `${ASKED.atOnce} tries and then one an hour can be asked for`;
  const next = `it is tried by itself at ${new Date(nextTry).toISOString()}`;
  return `${showDomain(domain)} failed at the CA and is not tried now, because ${often}; ${next}. ${reason}: ${message}`;
}

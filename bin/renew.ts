/** `sealpost renew`: one domain, all of a server, or all; asks for one part after the other. */
import { createInterface } from 'node:readline/promises';
import { showDomain } from '../core/certificate/names.ts';
import type { Held, Renewed, RenewRequest } from '../core/renewal/renew.ts';
import { ASKED } from '../core/record/brake.ts';
import type { KnownStore } from '../core/status/known.ts';
import type { Work } from '../core/record/server.ts';
import type { Answer, Environment, Here } from './here.ts';
import { planImport, PRICES } from './import-plan.ts';
import { mistyped, Refusal } from './refusal.ts';

/** So many names are printed. Of further ones, only their number. */
const MOST_NAMES = 20;

/** @param domain as parseDomain returns it, `server` as parseHostName does */
export async function renew(
  here: Here,
  { server, all, yes, 'dry-run': isDry }: { server?: string; all?: boolean; yes?: boolean; 'dry-run'?: boolean },
  domain?: string,
): Promise<Answer> {
  const request = renewRequest({ domain, server, all });
  const environment = await here.environment();
  if (isDry) return planOf(request, environment);
  if ('all' in request && !yes) await mustAgree(process.stdin.isTTY ? question : undefined);
  return renewAll(request, environment.renew, here);
}

/** At most: a domain that is parked or served under its server orders nothing. */
async function planOf(request: RenewRequest, { store, importing }: Environment): Promise<Answer> {
  const domains = await domainsOf(request, await store());
  const { issuer } = await importing();
  const plan = planImport({ orders: domains, leftToOthers: 0 }, issuer);
  const hours = plan.hours === undefined ? '' : `, ${Math.ceil(plan.hours)} h by the limits of ${issuer.name}`;
  const text = `At most ${plan.orders} orders${hours}, ${plan.dollars.toFixed(2)} dollars (list prices of ${PRICES.read}). Nothing was renewed.`;
  return { text, data: { ...plan, issuer: issuer.name }, isWell: true };
}

async function domainsOf(request: RenewRequest, store: KnownStore): Promise<number> {
  if ('domain' in request) return 1;
  const { domains, servers } = 'all' in request ? await store.all() : await store.ofServer(request.server);
  const living = domains.filter(({ spec }) => spec !== undefined && !spec.deleted).map(({ domain }) => domain);
  if ('all' in request) return living.length;
  const { work, installed } = servers.get(request.server) ?? { work: new Map<string, Work>(), installed: new Map() };
  const leaving = [...work.values()].filter(({ certificate }) => certificate === 'REMOVE').map(({ domain }) => domain);
  const there = new Set([...living, ...work.keys(), ...installed.keys()]);
  return [...there].filter(domain => !leaving.includes(domain)).length;
}

/**
 * @param ask undefined where nobody can be asked
 * @throws Refusal
 */
export async function mustAgree(ask: (() => Promise<string>) | undefined): Promise<void> {
  if (/^y(es)?$/i.test((await ask?.())?.trim() ?? '')) return;
  const message = ask ? 'Nothing was renewed.' : 'renew --all asks first, and there is no terminal.';
  const remedy = 'renew --all --dry-run prints what it costs; --yes does not ask.';
  throw new Refusal({ name: 'NotAgreed', message, remedy, exitCode: 2 });
}

async function question(): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question('All domains and all servers are renewed at once. Go on? [y/N] ');
  } finally {
    terminal.close();
  }
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

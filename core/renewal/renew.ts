/**
 * Renewals that a person asks for: parked domains are tried now, and fresh certificates are
 * replaced.
 */
import type { Clock } from '../clock.ts';
import { SealpostError } from '../errors.ts';
import { parseDomain, parseHostName } from '../certificate/names.ts';
import { waiting } from '../work/waiting.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { RenewalStore } from '../ports/renewal-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { brakeOn, contentOf, leftAfter, type Brake } from '../record/brake.ts';
import type { DomainRecord } from '../record/domain.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import type { Executions } from '../ports/executions.ts';

export interface RenewPorts {
  store: DomainStore & RenewalStore & ServerStore & WorkStore;
  executions: Executions;
  clock: Clock;
}

/**
 * One domain, the domains of one server, or all domains. The last two are answered in parts;
 * `after` is the `after` of the answer before.
 */
export type RenewRequest = { domain: string } | { server: string; after?: string } | { all: true; after?: string };

export interface Renewed {
  asked: string[];
  /**
   * Domains that were renewed on request within the last hour. A repeated request means the same
   * renewal.
   */
  already: string[];
  /**
   * Of `asked`: the domains whose order failed at the CA. The CA counts one more failure if the try
   * fails, too. `left`: how many more tries may be asked for at once.
   */
  counted?: { domain: string; left: number }[];
  /** Domains that were tried as often as may be asked for. The next try is made by itself. */
  held?: Held[];
  after?: string;
}

/** `nextTry`: milliseconds since the epoch. */
export type Held = { domain: string; nextTry: number } & Brake['last'];
type Asked = { counted?: number } | { held: Held } | 'already' | 'unknown';

/** A request within this time after the renewal means that renewal. */
const SAME_MS = 3_600_000;
/** Domains in one answer. */
const PART = 500;
/** Executions that are started here. The sweep starts the others within minutes. */
const AT_ONCE = 25;

/** @throws SealpostError InvalidStepInput */
export async function renew(request: RenewRequest, ports: RenewPorts): Promise<Renewed> {
  const { domains, after } = await wanted(request, ports.store);
  const renewed: Renewed = { asked: [], already: [], ...(after !== undefined && { after }) };
  const [counted, held]: [NonNullable<Renewed['counted']>, Held[]] = [[], []];
  for (let i = 0; i < domains.length; i += AT_ONCE) {
    const some = domains.slice(i, i + AT_ONCE);
    const asked = await Promise.all(some.map(domain => ask(domain, ports)));
    for (const [k, domain] of some.entries()) {
      const answer = asked[k]!;
      if (answer === 'unknown') continue;
      if (answer === 'already') renewed.already.push(domain);
      else if ('held' in answer) held.push(answer.held);
      else {
        renewed.asked.push(domain);
        if (answer.counted !== undefined) counted.push({ domain, left: answer.counted });
      }
    }
  }
  if ('domain' in request && renewed.asked.length + renewed.already.length + held.length === 0)
    throw new SealpostError('InvalidStepInput', {
      about: request.domain,
      message: `${request.domain} is not known here, or is deleted; put Domain Created first`,
    });
  for (const domain of renewed.asked.slice(0, AT_ONCE)) await reEvaluate(domain, ports);
  return { ...renewed, ...(counted.length > 0 && { counted }), ...(held.length > 0 && { held }) };
}

async function wanted(
  request: RenewRequest,
  store: Pick<RenewalStore, 'domains'> & Pick<ServerStore, 'readServer'> & Pick<WorkStore, 'allInstalled' | 'work'>,
): Promise<{ domains: string[]; after?: string }> {
  if ('domain' in request) return { domains: [parseDomain(request.domain, { field: 'the domain' })] };
  if ('all' in request) {
    const page = await store.domains(PART, request.after);
    return {
      domains: page.domains.map(({ domain }) => domain),
      ...(page.after !== undefined && { after: page.after }),
    };
  }
  const server = parseHostName(request.server, { field: 'the server' });
  if (!(await store.readServer(server)))
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `${server} is not registered; put Mail Server Registered first`,
    });
  const there = new Set((await store.allInstalled(server)).map(({ domain }) => domain));
  for await (const page of waiting(server, store))
    for (const work of page) if (work.certificate !== 'REMOVE') there.add(work.domain);
  const left = [...there].sort().filter(domain => domain > (request.after ?? ''));
  const domains = left.slice(0, PART);
  return { domains, ...(left.length > PART && { after: domains.at(-1)! }) };
}

async function ask(domain: string, { store, clock }: RenewPorts): Promise<Asked> {
  const now = clock.now();
  const record = await store.readDomain(domain);
  if (!record?.spec || record.spec.deleted) return 'unknown';
  if (isDone(record, now)) return 'already';
  const { brake, parked, spec, current } = record;
  // A wish that was not tried yet is not braked.
  const isTried = parked?.wish === undefined || parked.wish.content === contentOf(spec);
  const verdict = isTried ? brakeOn(record, { me: '', now }) : undefined;
  // The mark stays on a certificate, so that the next try replaces its key.
  if (!verdict?.isHeld || current) await store.askRenewal(domain, now);
  if (verdict?.isHeld) return { held: { domain, nextTry: verdict.nextTry, ...brake!.last } };
  return verdict?.brake ? { counted: leftAfter(verdict.brake, now) } : {};
}

function isDone({ current, parked }: DomainRecord, now: number): boolean {
  return current?.answers !== undefined && now < current.answers + SAME_MS && now < current.renewAt && !parked;
}

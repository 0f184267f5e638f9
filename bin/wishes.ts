/**
 * `sealpost add`, `change`, `delete`, `register`, `retire`: the events that a panel puts on the
 * bus, typed by a person. Each is checked here as the state machines will check it, before AWS is
 * asked.
 */
import { parseDomainEvent } from '../core/events/domain-event.ts';
import type { EventInName } from '../core/events/events-in.ts';
import { parseServerEvent } from '../core/events/server-event.ts';
import type { Wish } from '../core/record/domain.ts';
import type { Answer, Here } from './here.ts';
import { mistyped, Refusal } from './refusal.ts';

interface WishOptions {
  servers?: string[];
  names?: string[];
  webmail?: string;
  issuer?: string;
  'acme-profile'?: string;
  acm?: boolean;
}
interface ServerOptions {
  node?: string;
  adopt?: boolean;
  'with-losses'?: boolean;
  role?: string;
  'leave-out'?: string[];
}

/** @param domain as parseDomain returns it */
export async function add(here: Here, options: WishOptions, domain: string): Promise<Answer> {
  if (options.servers === undefined) throw missing({ command: 'add', option: '--servers SERVERS' });
  return tell(here, 'Domain Created', { domain, ...detailOf(options) });
}

/** @param domain as parseDomain returns it */
export async function change(
  here: Here,
  { wildcard, ...options }: WishOptions & { wildcard?: boolean },
  domain: string,
): Promise<Answer> {
  if (wildcard && options.names) {
    const message = 'change takes --wildcard or --names, and only one of them.';
    throw mistyped({ name: 'InvalidCombination', message, remedy: 'See sealpost help change.' });
  }
  const store = await (await here.environment()).store();
  const known = (await store.ofDomain(domain)).domains.find(record => record.domain === domain)?.spec;
  if (!known || known.deleted || known.host) {
    const message = `${domain} is no domain that is known here.`;
    throw new Refusal({ name: 'NotKnown', message, remedy: `sealpost help add says how to add it.`, exitCode: 1 });
  }
  const { names, ...before } = wishOf(known);
  const kept = wildcard ? { ...before, policy: 'wildcard' } : { ...before, ...(names && { names }) };
  return tell(here, 'Domain Changed', { ...kept, ...detailOf(options) });
}

/** @param domain as parseDomain returns it */
export async function remove(here: Here, { revoke }: { revoke?: boolean }, domain: string): Promise<Answer> {
  return tell(here, 'Domain Deleted', { domain, ...(revoke && { revoke }) });
}

/** @param server as parseHostName returns it */
export async function register(here: Here, options: ServerOptions, server: string): Promise<Answer> {
  const { node, adopt, role, 'leave-out': leaveOut } = options;
  if (node === undefined) throw missing({ command: 'register', option: '--node NODE' });
  const consent = options['with-losses'] ? 'with-losses' : adopt;
  const given = { ...(consent && { adopt: consent }), ...(role && { role }), ...(leaveOut && { leaveOut }) };
  return tell(here, 'Mail Server Registered', { server, node, ...given });
}

/** @param server as parseHostName returns it */
export async function retire(here: Here, _: object, server: string): Promise<Answer> {
  return tell(here, 'Mail Server Retired', { server });
}

function detailOf({ servers, names, issuer, acm, ...options }: WishOptions): object {
  const { webmail: webmailServer, 'acme-profile': profile } = options;
  return {
    ...(servers && { mailServers: servers }),
    ...(names && { policy: 'list', names }),
    ...(webmailServer !== undefined && { webmailServer }),
    ...(issuer !== undefined && { issuer }),
    ...(profile !== undefined && { profile }),
    ...(acm && { acm }),
  };
}

/** Of a record, what an event may say. */
function wishOf({ domain, mailServers, webmailServer, policy, names, profile, issuer, acm }: Wish): Partial<Wish> {
  const optional = { webmailServer, names, profile, issuer, acm };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return { domain, mailServers, policy, ...Object.fromEntries(given) };
}

/** @throws SealpostError InvalidStepInput */
async function tell(here: Here, detailType: EventInName, detail: object): Promise<Answer> {
  const event = { 'detail-type': detailType, time: new Date().toISOString(), detail };
  if (detailType.startsWith('Mail Server')) parseServerEvent(event);
  else parseDomainEvent(event);
  const id = await (await here.environment()).tell({ detailType, detail });
  const { domain, server } = detail as { domain?: string; server?: string };
  const text = `${detailType} is on the bus. sealpost status ${domain ?? server} shows what comes of it.`;
  return { text, data: { detailType, detail, id }, isWell: true };
}

function missing({ command, option }: { command: string; option: string }): Refusal {
  const message = `${command} needs ${option}.`;
  return mistyped({ name: 'MissingOption', message, remedy: `See sealpost help ${command}.` });
}

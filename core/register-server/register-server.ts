/**
 * RegisterServer: a mail server comes on record, or leaves it (retire.ts). Naming a server for a
 * domain delivers that domain's key to it, so it is looked at closely.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { serversOf } from '../record/domain.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { certificatesOf, hasAny } from '../record/provided.ts';
import { SealpostError } from '../errors.ts';
import { parseServerEvent } from '../events/server-event.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { retireHostName, retireServer } from './retire-server.ts';
import { wakeServers } from '../work/wake.ts';
import { waiting } from '../work/waiting.ts';
import type { Commands } from '../ports/commands.ts';
import type { Executions } from '../ports/executions.ts';
import type { Roles } from '../ports/roles.ts';

export interface RegisterPorts {
  store: DomainStore & ServerStore & WaitingStore & WorkStore;
  commands: Commands;
  roles: Roles;
  executions: Executions;
  clock: Clock;
  /** The tag that makes a managed node a mail server of this stack, for the message. */
  tag: string;
  /**
   * The role that EC2 instances run with where the event names none (SSM does not say it for them).
   */
  defaultRole: string;
}

/**
 * Whoever may assume the role picks its session's name and with it the prefix that it may read; so
 * only these two may.
 */
const TRUSTED = ['ec2.amazonaws.com', 'ssm.amazonaws.com'];

/**
 * Domains that waited and are begun at once; more than that would be a burst of executions, and a
 * longer answer than Step Functions takes (256 KB). The sweep begins the others.
 */
const BEGUN_AT_ONCE = 25;
/** Domains read at once. */
const BATCH = 20;

/**
 * @returns `woken`: the domains that were begun; `waited`: how many have waited for this server
 * @throws SealpostError InvalidStepInput
 */
export async function registerServer(
  event: unknown,
  ports: RegisterPorts,
): Promise<{ server: string; node?: string; woken: string[]; waited?: number; told?: number }> {
  const { store, clock } = ports;
  const request = parseServerEvent(event, ports.clock.now());
  if (request.kind === 'retired') return retireServer(request, ports);
  const { server, node, adopt, servesByName, at } = request;
  const managed = await ports.commands.node(node);
  if (!managed)
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `detail.node ${node} is not a managed node of this account and region with the tag ${ports.tag}; register it with Systems Manager and tag it`,
    });
  const { platform } = managed;
  // The document has steps for these two: elsewhere each is skipped without a word, and nothing
  // would ever answer.
  if (platform !== undefined && platform !== 'Windows')
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `detail.node ${node} runs ${platform}, where nothing of ours runs; register a server with Linux or Windows (docs/servers names the mail software)`,
    });
  const roleName = managed.roleName ?? request.role ?? ports.defaultRole;
  const role = await ports.roles.role(roleName);
  if (!role)
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `detail.role ${roleName} is no role of this account; name the role that the instance runs with`,
    });
  const others = role.trusted.filter(who => !TRUSTED.includes(who));
  if (others.length > 0)
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `detail.node ${node} runs with the role ${roleName}, which ${others.join(' and ')} may assume too and so read its keys; let its trust policy name ec2.amazonaws.com and ssm.amazonaws.com alone`,
    });
  // First: the sweep finds a wish that nobody serves, but no server whose own host name nobody has
  // wished.
  await store.acceptWish(
    { domain: server, mailServers: [server], policy: 'list', names: ['@'], host: true },
    { at },
    clock.now(),
  );
  const said = {
    server,
    node,
    roleId: role.roleId,
    adopt,
    ...(platform && { platform: 'Windows' as const }),
    ...(servesByName === false && { servesByName }),
  };
  await store.registerServer(said, { at, now: clock.now() });
  const known = await store.readServer(server);
  // It was retired by a later word than this.
  if (!known) {
    await retireHostName(server, at, ports);
    return { server, node, woken: [] };
  }
  if (known.node === node) await giveAgain({ server, node }, ports);
  await wakeServers([server], ports);
  const { woken, first } = await store.wakeWaitingDomains(server, { now: clock.now(), first: BEGUN_AT_ONCE });
  const started = [server, ...first];
  for (const domain of started) await reEvaluate(domain, ports, nameOf({ domain, node, at }));
  return { server, node, woken: started, waited: woken };
}

/**
 * A rebuilt instance (the same name, another node) has nothing of what the old one served: all that
 * another node was seen serving is given to it, and what waits is given anew, since whoever still
 * records an answer of the old node takes the work away that was delivered there. The record alone
 * tells what is left to give, so a killed step goes on. Work is read before what is installed: it
 * is taken away only after its domain is on record as installed.
 *
 */
async function giveAgain(
  { server, node }: { server: string; node: string },
  { store, clock }: RegisterPorts,
): Promise<void> {
  const give = (works: Parameters<WorkStore['giveAgain']>[1]) =>
    works.length === 0 ? true : store.giveAgain({ server, node }, works, clock.now());
  const known = new Set<string>();
  for await (const page of waiting(server, store)) {
    for (const { domain } of page) known.add(domain);
    const works = page.flatMap(({ domain, certificate, provided, host, v, node: givenTo }) =>
      certificate === 'REMOVE' || givenTo === node
        ? []
        : [{ domain, certificate, provided, ...(host && { host }), over: v }],
    );
    if (!(await give(works))) return;
  }
  const lost = (await store.allInstalled(server)).filter(one => one.node !== node && !known.has(one.domain));
  for (let i = 0; i < lost.length; i += BATCH) {
    const records = await Promise.all(lost.slice(i, i + BATCH).map(({ domain }) => store.readDomain(domain)));
    const works = records.flatMap(record => {
      if (!record?.spec || !serversOf(record.spec).includes(server)) return [];
      const { domain, spec } = record;
      const certificates = certificatesOf(record, clock.now());
      return hasAny(certificates) ? [{ domain, ...certificates, ...(spec.host && { host: true }) }] : [];
    });
    if (!(await give(works))) return;
  }
}

/**
 * Name of the execution that re-evaluates a domain: one for each registration, however often the
 * step is retried.
 */
function nameOf({ domain, node, at }: { domain: string; node: string; at: number }): string {
  return `registered-${createHash('sha256').update(`${domain} ${node} ${at}`).digest('hex').slice(0, 40)}`;
}

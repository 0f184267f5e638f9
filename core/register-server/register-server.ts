/**
 * RegisterServer: registers or retires a mail server (retire-server.ts). A server that a domain
 * names receives that domain's key, so a registration is checked closely.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { SealpostError } from '../errors.ts';
import { parseServerEvent } from '../events/server-event.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WaitingStore } from '../ports/waiting-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { giveAgain } from './give-again.ts';
import { retireHostName, retireServer } from './retire-server.ts';
import { wakeServers } from '../work/wake.ts';
import type { Commands } from '../ports/commands.ts';
import type { Executions } from '../ports/executions.ts';
import type { Roles } from '../ports/roles.ts';
import { hostWish } from '../record/domain.ts';
import { strangersIn } from '../record/role.ts';

export interface RegisterPorts {
  store: DomainStore & ServerStore & WaitingStore & WorkStore;
  commands: Commands;
  roles: Roles;
  executions: Executions;
  clock: Clock;
  /** The tag that makes a managed node a mail server of this stack; the message names it. */
  tag: string;
  /**
   * The role of EC2 instances if the event names none. Systems Manager does not tell an EC2
   * instance's role.
   */
  defaultRole: string;
}

/**
 * Executions that are started here for domains that waited. More would be a burst, and a longer
 * answer than Step Functions takes (256 KB). The sweep starts the others.
 */
const BEGUN_AT_ONCE = 25;
/**
 * @returns `woken`: the domains whose executions were started; `waited`: how many domains waited
 *   for this server
 * @throws SealpostError InvalidStepInput, Throttled
 */
export async function registerServer(
  event: unknown,
  ports: RegisterPorts,
): Promise<{ server: string; node?: string; woken: string[]; waited?: number; told?: number }> {
  const { store, clock } = ports;
  const request = parseServerEvent(event, ports.clock.now());
  if (request.kind === 'retired') return retireServer(request, ports);
  const { server, node, adopt, webmail, leaveOut, servesByName, at } = request;
  const managed = await ports.commands.node(node);
  if (!managed)
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `detail.node ${node} is not a managed node of this account and region with the tag ${ports.tag}; register it with Systems Manager and tag it`,
    });
  const { platform } = managed;
  // The SSM document has steps for these two platforms. On another platform every step would be
  // skipped, and no answer would come.
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
  const others = strangersIn(role.trusted);
  if (others.length > 0)
    throw new SealpostError('InvalidStepInput', {
      about: server,
      message: `detail.node ${node} runs with the role ${roleName}, which ${others.join(' and ')} may assume too and so read its keys; let its trust policy name ec2.amazonaws.com and ssm.amazonaws.com alone`,
    });
  await requireFreeNode({ server, node }, ports);
  // The wish is accepted first: the sweep finds a wish without its server, but no server without
  // its wish.
  const wishForHost = () => store.acceptWish(hostWish(server), { at }, clock.now());
  await wishForHost();
  const said = {
    server,
    node,
    role: roleName,
    roleId: role.roleId,
    adopt,
    ...(webmail && { webmail }),
    ...(leaveOut && { leaveOut }),
    ...(platform && { platform: 'Windows' as const }),
    ...(servesByName === false && { servesByName }),
  };
  await store.registerServer(said, { at, now: clock.now() });
  const known = await store.readServer(server);
  // A later event has retired the server.
  if (!known) {
    await retireHostName(server, at, ports);
    return { server, node, woken: [] };
  }
  // A retirement of the same second may have deleted the wish before the server was registered.
  await wishForHost();
  await replaceCustomersWish(server, ports);
  // An execution that read the server before this registration has not seen that the host name's
  // certificate is to be delivered again.
  const host = await store.readDomain(server);
  if (host?.seen === host?.wanted) await store.askReEvaluation(server, clock.now());
  if (known.node === node && (await giveAgain({ server, node, since: known.registeredAt }, ports)))
    await store.askAudit(server, clock.now());
  await wakeServers([server], ports);
  const { woken, first } = await store.wakeWaitingDomains(server, { now: clock.now(), first: BEGUN_AT_ONCE });
  const started = [server, ...first];
  for (const domain of started) await reEvaluate(domain, ports, nameOf({ domain, node, at }));
  return { server, node, woken: started, waited: woken };
}

/**
 * A customer's wish for the server's name may be later than a registration that comes late. The
 * name belongs to the server: its certificate is the daemons' default.
 */
async function replaceCustomersWish(
  server: string,
  { store, clock }: { store: Pick<DomainStore, 'readDomain' | 'acceptWish'>; clock: Clock },
): Promise<void> {
  const { spec, specAt } = (await store.readDomain(server)) ?? {};
  if (spec && !spec.host) await store.acceptWish(hostWish(server), { at: specAt! }, clock.now());
}

/**
 * Two host names on one node would have two sequences of deliveries to one host, each with its own
 * default certificate.
 * @throws SealpostError InvalidStepInput
 */
async function requireFreeNode(
  { server, node }: { server: string; node: string },
  { store }: { store: Pick<ServerStore, 'takeNode' | 'readServer'> },
): Promise<void> {
  let from: string | undefined;
  for (;;) {
    const owner = await store.takeNode({ node, server, ...(from !== undefined && { from }) });
    if (owner === server) return;
    if ((await store.readServer(owner))?.node === node)
      throw new SealpostError('InvalidStepInput', {
        about: server,
        message: `detail.node ${node} is the node of ${owner}; put Mail Server Retired for ${owner} first, or name the node of ${server}`,
      });
    // The node's server is retired, or has another node by now.
    from = owner;
  }
}

/**
 * The name of the execution is the same for each retry of one registration, so that a domain is
 * re-evaluated once.
 */
function nameOf({ domain, node, at }: { domain: string; node: string; at: number }): string {
  return `registered-${createHash('sha256').update(`${domain} ${node} ${at}`).digest('hex').slice(0, 40)}`;
}

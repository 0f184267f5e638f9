/** RegisterServer: a mail server comes on record, or leaves it (retire.ts). Naming a server for a domain delivers that domain's key to it, so it is looked at closely. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { serversOf } from '../domain/domain.ts';
import { look } from '../domain/look.ts';
import { SealpostError } from '../errors.ts';
import { parseServerEvent } from '../events.ts';
import type { Commands, Executions, Roles } from '../ports.ts';
import type { Store } from '../store.ts';
import { retireServer } from './retire.ts';
import { wakeServers } from './wake.ts';

export interface RegisterPorts {
  store: Store;
  commands: Commands;
  roles: Roles;
  executions: Executions;
  clock: Clock;
  /** The tag that makes a managed node a mail server of this stack, for the message. */
  tag: string;
  /** The role that EC2 instances run with where the event names none (SSM does not say it for them). */
  defaultRole: string;
}

/** Whoever may assume the role picks its session's name and with it the prefix that it may read; so only these two may. */
const TRUSTED = ['ec2.amazonaws.com', 'ssm.amazonaws.com'];

/** @throws SealpostError InvalidStepInput */
export async function registerServer(
  event: unknown,
  ports: RegisterPorts,
): Promise<{ server: string; node?: string; woken: string[]; told?: number }> {
  const { store, clock } = ports;
  const request = parseServerEvent(event, ports.clock.now());
  if (request.kind === 'retired') return retireServer(request, ports);
  const { server, node, adopt, at } = request;
  const managed = await ports.commands.node(node);
  if (!managed)
    throw new SealpostError(
      'InvalidStepInput',
      server,
      `detail.node ${node} is not a managed node of this account and region with the tag ${ports.tag}; register it with Systems Manager and tag it`,
    );
  const roleName = managed.roleName ?? request.role ?? ports.defaultRole;
  const role = await ports.roles.role(roleName);
  if (!role)
    throw new SealpostError(
      'InvalidStepInput',
      server,
      `detail.role ${roleName} is no role of this account; name the role that the instance runs with`,
    );
  const others = role.trusted.filter(who => !TRUSTED.includes(who));
  if (others.length > 0)
    throw new SealpostError(
      'InvalidStepInput',
      server,
      `detail.node ${node} runs with the role ${roleName}, which ${others.join(' and ')} may assume too and so read its keys; let its trust policy name ec2.amazonaws.com and ssm.amazonaws.com alone`,
    );
  await giveAgain(server, node, ports);
  await store.registerServer({ server, node, roleId: role.roleId, adopt }, at, clock.now());
  // It was retired by a later word than this.
  if (!(await store.readServer(server))) return { server, node, woken: [] };
  await store.acceptWish(
    { domain: server, mailServers: [server], policy: 'list', names: ['@'], host: true },
    { at },
    clock.now(),
  );
  await wakeServers([server], ports);
  const waiting = await store.wakeWaitingDomains(server, clock.now());
  const started = [server, ...waiting];
  for (const domain of started) await look(domain, ports, lookName(domain, node, at));
  return { server, node, woken: started };
}

/** A rebuilt instance (the same name, another node) has nothing of what the old one served: it is given everything again, before the record says so, so that a killed step repeats it. */
async function giveAgain(server: string, node: string, { store, clock }: RegisterPorts): Promise<void> {
  const known = await store.readServer(server);
  if (!known || known.node === node) return;
  for (const { domain } of await store.allInstalled(server)) {
    const record = await store.readDomain(domain);
    if (!record?.current || !record.spec || !serversOf(record.spec).includes(server)) continue;
    await store.commitWork({
      domain,
      certificate: record.current,
      servers: [server],
      host: record.spec.host,
      now: clock.now(),
    });
  }
}

/** One look a domain for one registration, however often this step is tried. */
function lookName(domain: string, node: string, at: number): string {
  return `registered-${createHash('sha256').update(`${domain} ${node} ${at}`).digest('hex').slice(0, 40)}`;
}

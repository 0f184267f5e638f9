/**
 * Managed nodes: registered by the user of this package, stored across restarts, reachable while a
 * host is attached.
 */
import type * as model from '@aws-sdk/client-ssm';
import { arn, AwsError } from '../service/service.ts';
import type { Call, Cloud, ConditionContext, Node, Operation } from '../service/service.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { paged } from './pages.ts';

/** The version of the agent that `agent.ts` follows. */
const agentVersion = '3.3.1142.0';
/** Nodes in a page of DescribeInstanceInformation. */
const PAGE = { usual: 10, least: 5, most: 50 };

export interface NodeRegistration {
  /** `mi-…`, or `i-…` for an EC2 instance. */
  id: string;
  /**
   * The agent signs its requests with a session of this role. The session has the node's id as its
   * name.
   */
  roleArn: string;
  computerName: string;
  platformType: 'Linux';
  tags: Record<string, string>;
  ipAddress?: string;
}

export interface AgentNode {
  id: string;
  roleArn: string;
  node: Node;
}

export interface NodeDirectory {
  register(registration: NodeRegistration, node: Node): void;
  unregister(id: string): void;
  attach(id: string, node: Node): void;
  find(id: string): (NodeRegistration & { node?: Node }) | undefined;
  arnOf(id: string): string;
  contextOf(id: string): ConditionContext;
  operations: Record<string, Operation>;
}

export function nodeDirectory(cloud: Cloud): NodeDirectory {
  cloud.database.exec(
    'CREATE TABLE IF NOT EXISTS ssm_nodes (id TEXT PRIMARY KEY, registeredAt INTEGER NOT NULL, body TEXT NOT NULL)',
  );
  const select = cloud.database.prepare('SELECT body, registeredAt FROM ssm_nodes WHERE id = ?');
  const selectAll = cloud.database.prepare('SELECT body, registeredAt FROM ssm_nodes ORDER BY id');
  const upsert = cloud.database.prepare(
    'INSERT INTO ssm_nodes VALUES (:id, :registeredAt, :body) ON CONFLICT DO UPDATE SET body = :body',
  );
  const remove = cloud.database.prepare('DELETE FROM ssm_nodes WHERE id = ?');
  const attached = new Map<string, Node>();

  function find(id: string): (NodeRegistration & { node?: Node }) | undefined {
    const row = select.get(id) as { body: string } | undefined;
    return row && { ...(JSON.parse(row.body) as NodeRegistration), node: attached.get(id) };
  }
  function save(registration: NodeRegistration): void {
    upsert.run({ id: registration.id, registeredAt: cloud.now(), body: JSON.stringify(registration) });
  }
  function arnOf(id: string): string {
    return id.startsWith('i-') ? arn(cloud, 'ec2', `instance/${id}`) : arn(cloud, 'ssm', `managed-instance/${id}`);
  }
  function contextOf(id: string): ConditionContext {
    return Object.fromEntries(
      Object.entries(find(id)?.tags ?? {}).flatMap(([key, value]) => [
        [`ssm:resourceTag/${key}`, value],
        [`aws:ResourceTag/${key}`, value],
      ]),
    );
  }

  function describe(input: model.DescribeInstanceInformationCommandInput, call: Call) {
    refuseOthers('DescribeInstanceInformation', input, ['Filters', 'MaxResults', 'NextToken']);
    call.authorize('ssm:DescribeInstanceInformation', '*');
    checkFilters(input.Filters ?? []);
    const rows = selectAll.all() as unknown as { body: string; registeredAt: number }[];
    const nodes = rows
      .map(row => ({ ...(JSON.parse(row.body) as NodeRegistration), registeredAt: row.registeredAt }))
      .filter(node => (input.Filters ?? []).every(filter => passes(node, filter)));
    const { page, NextToken } = paged(nodes, input, PAGE);
    return { InstanceInformationList: page.map(information), NextToken };
  }

  function information(node: NodeRegistration & { registeredAt: number }): model.InstanceInformation {
    const isHybrid = node.id.startsWith('mi-');
    return {
      InstanceId: node.id,
      PingStatus: pingStatus(node.id),
      LastPingDateTime: new Date(cloud.now()),
      AgentVersion: agentVersion,
      PlatformType: node.platformType,
      // AWS names the role of a hybrid node only. An instance's role is known to EC2.
      IamRole: isHybrid ? node.roleArn.split('/').at(-1) : undefined,
      RegistrationDate: isHybrid ? new Date(node.registeredAt) : undefined,
      ResourceType: isHybrid ? 'ManagedInstance' : 'EC2Instance',
      ComputerName: node.computerName,
      Name: isHybrid ? node.computerName : undefined,
      IPAddress: node.ipAddress,
    };
  }
  const pingStatus = (id: string): model.PingStatus => (attached.has(id) ? 'Online' : 'ConnectionLost');

  function passes(node: NodeRegistration, { Key, Values = [] }: model.InstanceInformationStringFilter): boolean {
    if (Key?.startsWith('tag:')) return Values.includes(node.tags[Key.slice(4)] ?? '');
    if (Key === 'tag-key') return Values.some(key => key in node.tags);
    if (Key === 'InstanceIds') return Values.includes(node.id);
    if (Key === 'PingStatus') return Values.includes(pingStatus(node.id));
    if (Key === 'PlatformTypes') return Values.includes(node.platformType);
    if (Key === 'ResourceType') return Values.includes(node.id.startsWith('mi-') ? 'ManagedInstance' : 'EC2Instance');
    return refuse(`the filter ${Key}`);
  }

  return {
    register(registration, node) {
      save(registration);
      attached.set(registration.id, node);
    },
    unregister(id) {
      remove.run(id);
      attached.delete(id);
    },
    attach(id, node) {
      if (find(id) === undefined) throw new Error(`${id} is not registered`);
      attached.set(id, node);
    },
    find,
    arnOf,
    contextOf,
    operations: {
      DescribeInstanceInformation: describe,
    },
  };
}

/** @throws AwsError if a filter by tag stands beside another one (API reference, Filters) */
function checkFilters(filters: readonly model.InstanceInformationStringFilter[]): void {
  const byTag = filters.filter(({ Key }) => Key === 'tag-key' || Key?.startsWith('tag:'));
  if (byTag.length > 0 && byTag.length < filters.length)
    throw new AwsError('ValidationException', 'Cannot mix tag or inventory filter with any other filter.');
}

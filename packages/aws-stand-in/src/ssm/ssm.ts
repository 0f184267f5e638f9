/**
 * Systems Manager: Run Command on hosts of this machine, their registration, and Parameter Store.
 */
import * as model from '@aws-sdk/client-ssm';
import type { Cloud, Node, Service } from '../service/service.ts';
import { parameters } from './parameters.ts';
import { commandOperations } from './commands.ts';
import { documentOperations, documents } from './documents.ts';
import { invocations } from './invocations.ts';
import { nodeDirectory } from './nodes.ts';
import type { NodeRegistration } from './nodes.ts';

export interface SsmService extends Service {
  /**
   * Does what a hybrid activation, or an instance that starts, does: the node is known from here
   * on, and reachable until the stand-in stops.
   */
  registerNode(registration: NodeRegistration & { node: Node }): void;
  /**
   * Makes a registered node reachable again, and its waiting commands continue.
   * @throws Error if the node is not registered
   */
  attachNode(id: string, node: Node): void;
  /** Forgets a node. Commands that still wait for it end as Undeliverable. */
  unregisterNode(id: string): void;
}

export function ssm(cloud: Cloud): SsmService {
  const nodes = nodeDirectory(cloud);
  const stored = documents(cloud);
  const runs = invocations(cloud, nodes);
  return {
    name: 'ssm',
    model,
    client: 'SSMClient',
    operations: {
      ...documentOperations(stored),
      ...commandOperations(cloud, nodes, stored, runs),
      ...nodes.operations,
      ...parameters(cloud),
    },
    resources: stored.resources,
    registerNode({ node, ...registration }) {
      nodes.register(registration, node);
      runs.work(registration.id);
    },
    attachNode(id, node) {
      nodes.attach(id, node);
      runs.work(id);
    },
    unregisterNode(id) {
      nodes.unregister(id);
      runs.giveUp(id);
    },
    start: () => runs.start(),
    stop: () => runs.stop(),
  };
}

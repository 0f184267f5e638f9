/** Systems Manager in memory. A test decides when a command ends. */
import { SealpostError } from '../../core/errors.ts';
import type { CommandState, SendingCommands } from '../../core/ports/commands.ts';

export interface MemoryCommands extends SendingCommands {
  /** Every command that was sent. */
  sent: { id: string; node: string; delivery: string; installer: string; prefix: string }[];
  /** The node has run the command, and its installer printed `output`. */
  answer(commandId: string, output: string, exitCode?: number): void;
  /** The command ended without the installer (not delivered, timed out, cancelled). */
  lose(commandId: string, detail: string): void;
  /**
   * Nodes whose agent takes no command: their commands are Pending, and no list by node shows them.
   */
  asleep: Set<string>;
}

/** @param nodes the managed nodes that have the stack's tag */
export function memoryCommands(nodes: Record<string, { roleName?: string; platform?: string }>): MemoryCommands {
  const sent: MemoryCommands['sent'] = [];
  const ends = new Map<string, { state: CommandState; output: string; exitCode?: number; detail: string }>();
  const asleep = new Set<string>();
  return {
    sent,
    asleep,
    answer(commandId, output, exitCode = 0) {
      const state = output.startsWith('sealpost ') ? 'answered' : 'lost';
      ends.set(commandId, { state, output, exitCode, detail: exitCode === 0 ? 'Success' : 'Failed' });
    },
    lose(commandId, detail) {
      ends.set(commandId, { state: 'lost', output: '', detail });
    },
    async send({ node, delivery, installer, prefix, about }) {
      if (!nodes[node])
        throw new SealpostError('ServerUnreachable', { about, message: `the node of ${about} cannot be reached` });
      const id = `command-${sent.length + 1}`;
      sent.push({ id, node, delivery, installer, prefix });
      return id;
    },
    async find({ node, delivery }) {
      if (asleep.has(node)) return undefined;
      return sent.findLast(command => command.node === node && command.delivery === delivery)?.id;
    },
    async deliveryOf(commandId) {
      return sent.find(command => command.id === commandId)?.delivery;
    },
    async outcome({ commandId }) {
      return ends.get(commandId) ?? { state: 'under way', output: '', detail: 'InProgress' };
    },
    async node(node) {
      return nodes[node];
    },
  };
}

/** Systems Manager's Run Command, as the product uses it. */
export type CommandState = 'under way' | 'answered' | 'lost';

export interface Outcome {
  state: CommandState;
  output: string;
  exitCode?: number;
  detail: string;
}

export interface Commands {
  /**
   * @returns the id of a command that already carries this delivery. A command that the node's
   *   agent has not taken yet is not found (Systems Manager, ListCommands, InstanceId)
   */
  find(sent: { node: string; delivery: string }): Promise<string | undefined>;
  /** @returns the hash of the delivery that a command carries */
  deliveryOf(commandId: string): Promise<string | undefined>;
  /**
   * The result of a command. A command is `lost` if it ended without an answer of our installer
   * (not delivered, timed out, cancelled).
   */
  outcome(sent: { commandId: string; node: string }): Promise<Outcome>;
  /**
   * @returns a managed node with this stack's tag; undefined if there is none. `roleName` is given
   *   for hybrid nodes, `platform` if it is not Linux
   */
  node(node: string): Promise<{ roleName?: string; platform?: string } | undefined>;
}

export interface SendingCommands extends Commands {
  /**
   * Sends the document to a node.
   * @returns the command's id
   * @throws SealpostError DocumentChanged, ServerUnreachable, Throttled
   */
  send(command: { node: string; delivery: string; installer: string; prefix: string; about: string }): Promise<string>;
}

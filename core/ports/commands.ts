/** Systems Manager's Run Command, as the product uses it. */
export type CommandState = 'under way' | 'answered' | 'lost';

export interface Outcome {
  state: CommandState;
  output: string;
  exitCode?: number;
  detail: string;
}

export interface Commands {
  /** A command that already carries this delivery. */
  find(sent: { node: string; delivery: string }): Promise<string | undefined>;
  /** Which delivery a command carries. */
  deliveryOf(commandId: string): Promise<string | undefined>;
  /** What the command came to: `lost` when it ended without our installer having answered (not delivered, timed out, cancelled). */
  outcome(sent: { commandId: string; node: string }): Promise<Outcome>;
  /** A managed node that carries this stack's tag, with its role where SSM knows it (hybrid nodes) and its platform where that is not Linux; undefined when there is none such. */
  node(node: string): Promise<{ roleName?: string; platform?: string } | undefined>;
}

export interface SendingCommands extends Commands {
  /** Sends the document to a node. @returns the command's id @throws SealpostError DocumentChanged, ServerUnreachable, Throttled */
  send(command: { node: string; delivery: string; installer: string; prefix: string; about: string }): Promise<string>;
}

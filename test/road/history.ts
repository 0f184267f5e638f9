/**
 * Executions as an operator sees them in the console: found by the event that started them, or by
 * the domain or server in them.
 */
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
  type DescribeExecutionOutput,
  type HistoryEvent,
} from '@aws-sdk/client-sfn';
import type { Provider } from '../../local/provider/provider.ts';
import { until } from '../../local/provider/panel.ts';

export type Machine = 'SecureDomain' | 'RegisterServer' | 'DeliverToServer';
export const MACHINES: Machine[] = ['SecureDomain', 'RegisterServer', 'DeliverToServer'];

interface Input {
  id?: string;
  detail?: { domain?: string; server?: string };
  server?: string;
}

export interface Execution extends DescribeExecutionOutput {
  machine: Machine;
  /** The execution's input, parsed. */
  given: Input;
}

export class History {
  readonly #client: SFNClient;
  readonly #outputs: Record<string, string>;
  readonly #inputs = new Map<string, Input>();

  constructor(provider: Provider) {
    this.#client = new SFNClient(provider.client());
    this.#outputs = provider.stack.outputs;
  }

  /** Every execution so far, the newest first. */
  async executions(machines = MACHINES): Promise<Execution[]> {
    const all: Execution[] = [];
    for (const machine of machines) {
      const ask = { stateMachineArn: this.#outputs[machine]!, maxResults: 1000 };
      const { executions, nextToken } = await this.#client.send(new ListExecutionsCommand(ask));
      if (nextToken) throw new Error(`${machine} has more than 1,000 executions`);
      for (const { executionArn, ...rest } of executions!) {
        if (!this.#inputs.has(executionArn!)) {
          const { input } = await this.describe(executionArn!);
          this.#inputs.set(executionArn!, JSON.parse(input!) as Input);
        }
        all.push({ executionArn, ...rest, machine, given: this.#inputs.get(executionArn!)! } as Execution);
      }
    }
    return all;
  }

  describe(executionArn: string): Promise<DescribeExecutionOutput> {
    return this.#client.send(new DescribeExecutionCommand({ executionArn }));
  }

  async events(executionArn: string): Promise<HistoryEvent[]> {
    const ask = { executionArn, maxResults: 1000 };
    const { events, nextToken } = await this.#client.send(new GetExecutionHistoryCommand(ask));
    if (nextToken) throw new Error(`${executionArn} has more than 1,000 events`);
    return events!;
  }

  /** Waits for the end of the execution that an event started. */
  async ended(eventId: string): Promise<DescribeExecutionOutput> {
    return until(`the end of the execution for event ${eventId}`, 90, async () => {
      const found = (await this.executions()).find(({ given }) => given.id === eventId);
      if (!found || found.status === 'RUNNING') return undefined;
      return this.describe(found.executionArn!);
    });
  }

  /** The executions for a domain or server. */
  async about(name: string): Promise<Execution[]> {
    return (await this.executions()).filter(
      ({ given }) => given.detail?.domain === name || given.detail?.server === name || given.server === name,
    );
  }

  /** The orders at the CA for a domain, by their URLs. */
  async orders(domain: string): Promise<string[]> {
    const executions = await this.about(domain);
    const histories = await Promise.all(executions.map(({ executionArn }) => this.events(executionArn!)));
    return [...new Set(histories.flatMap(orders))];
  }

  /** Waits until no execution runs. */
  async untilQuiet(): Promise<void> {
    await until('an end of all executions', 90, async () =>
      (await this.executions()).every(({ status }) => status !== 'RUNNING'),
    );
  }
}

/** The states that were entered, in their order. */
export function entered(events: HistoryEvent[]): string[] {
  return events.flatMap(event => event.stateEnteredEventDetails?.name ?? []);
}

/** The transitions that AWS counts: each state that is entered, and each further try of a state. */
export function transitions(events: HistoryEvent[]): number {
  const tries = events.filter(event => event.type === 'TaskScheduled' || event.type === 'LambdaFunctionScheduled');
  const tasks = events.filter(event => event.type === 'TaskStateEntered');
  return entered(events).length + tries.length - tasks.length;
}

/** Milliseconds from a state's entry to its exit, all its visits together. */
export function spentIn(events: HistoryEvent[], state: string): number {
  let spent = 0;
  let since: number | undefined;
  for (const event of events) {
    if (event.stateEnteredEventDetails?.name === state) since = event.timestamp!.getTime();
    if (event.stateExitedEventDetails?.name === state) spent += event.timestamp!.getTime() - since!;
  }
  return spent;
}

/** The orders at the CA that an execution opened or continued, by their URLs. */
export function orders(events: HistoryEvent[]): string[] {
  const outputs = events
    .filter(event => event.stateExitedEventDetails?.name === 'CreateOrder')
    .map(event => JSON.parse(event.stateExitedEventDetails!.output!) as { order?: { url: string } });
  return outputs.flatMap(output => output.order?.url ?? []);
}

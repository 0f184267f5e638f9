/** Step Functions: what the executions of a stack do, read from their histories. */
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  type HistoryEvent,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import type { Road, RoadEvent } from '../core/ports/road.ts';
import { unlessBusy } from './throttling.ts';

interface Followed {
  subject: string;
  /** Id of the last event that was reported. */
  seen: number;
}

const ENDS: Record<string, RoadEvent['end']> = {
  ExecutionSucceeded: 'done',
  ExecutionFailed: 'failed',
  ExecutionTimedOut: 'timed out',
  ExecutionAborted: 'stopped',
};
/**
 * Executions that are followed at once, of each state machine. Each of them costs a call, and
 * GetExecutionHistory allows 20 calls a second.
 */
const AT_ONCE = 40;

/**
 * @param stack its state machines are `<stack>-…`
 * @param since milliseconds since the epoch; executions that ended before are left out
 */
export function road(client: SFNClient, stack: string, since: number): Road {
  const followed = new Map<string, Followed>();
  const ended = new Set<string>();
  let machines: { arn: string; name: string }[] = [];

  async function eventsAfter(executionArn: string, last: number): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(
        new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 100, nextToken }),
      );
      events.push(...(page.events ?? []).filter(event => event.id! > last));
      nextToken = (page.events ?? []).some(event => event.id! <= last) ? undefined : page.nextToken;
    } while (nextToken);
    return events.reverse();
  }

  async function follow({ execution: executionArn, machine }: Pick<RoadEvent, 'execution' | 'machine'>) {
    const before = followed.get(executionArn);
    const subject =
      before?.subject ?? subjectOf((await client.send(new DescribeExecutionCommand({ executionArn }))).input);
    const events = await eventsAfter(executionArn, before?.seen ?? 0);
    followed.set(executionArn, { subject, seen: events.at(-1)?.id ?? before?.seen ?? 0 });
    return events.flatMap(event => {
      const told = tell(event);
      return told ? [{ execution: executionArn, machine, subject, at: event.timestamp!.getTime(), ...told }] : [];
    });
  }

  async function newEventsOf({ arn: stateMachineArn, name }: { arn: string; name: string }): Promise<RoadEvent[]> {
    const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: AT_ONCE }));
    const events: RoadEvent[] = [];
    for (const { executionArn, stopDate } of executions.reverse()) {
      if (ended.has(executionArn!) || (stopDate && stopDate.getTime() < since)) continue;
      events.push(...(await follow({ execution: executionArn!, machine: name })));
      if (!stopDate) continue;
      ended.add(executionArn!);
      followed.delete(executionArn!);
    }
    return events;
  }

  return {
    newEvents: () =>
      unlessBusy('Step Functions', stack, async () => {
        if (machines.length === 0) machines = await machinesOf(client, stack);
        const events = (await Promise.all(machines.map(newEventsOf))).flat();
        return events.sort((a, b) => a.at - b.at);
      }),
  };
}

async function machinesOf(client: SFNClient, stack: string): Promise<{ arn: string; name: string }[]> {
  const machines: { arn: string; name: string }[] = [];
  let nextToken: string | undefined;
  do {
    const page = await client.send(new ListStateMachinesCommand({ nextToken }));
    for (const { stateMachineArn, name } of page.stateMachines ?? [])
      if (name!.startsWith(`${stack}-`)) machines.push({ arn: stateMachineArn!, name: name!.slice(stack.length + 1) });
    nextToken = page.nextToken;
  } while (nextToken);
  return machines;
}

function tell(event: HistoryEvent): Partial<RoadEvent> | undefined {
  const state = event.stateEnteredEventDetails?.name;
  if (state !== undefined) return { state };
  if (event.stateExitedEventDetails?.name === 'AssembleDelivery')
    return assembled(event.stateExitedEventDetails.output);
  const end = ENDS[event.type!];
  if (!end) return undefined;
  const { error, cause } = event.executionFailedEventDetails ?? event.executionAbortedEventDetails ?? {};
  return { end, error, cause };
}

function assembled(output = '{}'): Partial<RoadEvent> | undefined {
  const { delivery } = JSON.parse(output) as { delivery?: { seq: number; mode: string; entries: number } };
  return delivery && { delivery: { seq: delivery.seq, mode: delivery.mode, entries: delivery.entries } };
}

function subjectOf(input = '{}'): string {
  const { detail, server } = JSON.parse(input) as { detail?: { domain?: unknown; server?: unknown }; server?: unknown };
  return String(detail?.domain ?? detail?.server ?? server ?? '?');
}

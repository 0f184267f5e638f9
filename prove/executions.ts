/** Executions, found by the event that started them, and what their histories say. */
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  type HistoryEvent,
} from '@aws-sdk/client-sfn';
import { machineArn, type At } from './subject.ts';
import { until } from './wait.ts';

export interface Ended {
  arn: string;
  status: string;
  events: HistoryEvent[];
}

/** Executions that are looked through; a new stack has few others. */
const NEWEST = 50;

interface Started {
  id?: string;
  server?: string;
}

async function executions({ account, subject }: At, machine: Parameters<typeof machineArn>[1]) {
  const asked = { stateMachineArn: machineArn(subject, machine), maxResults: NEWEST };
  return (await account.states.send(new ListExecutionsCommand(asked))).executions ?? [];
}

const inputs = new Map<string, Started>();
async function inputOf({ account }: At, executionArn: string): Promise<Started> {
  const known = inputs.get(executionArn);
  if (known) return known;
  const { input = '{}' } = await account.states.send(new DescribeExecutionCommand({ executionArn }));
  const parsed = JSON.parse(input) as Started;
  inputs.set(executionArn, parsed);
  return parsed;
}

/** Waits for the end of the execution that an event started. */
export async function endOf(
  at: At,
  { machine, eventId, minutes }: { machine: 'secure-domain' | 'register-server'; eventId: string; minutes: number },
): Promise<Ended> {
  const { signal } = at;
  return until({ what: `an end of ${machine} for the event ${eventId}`, minutes, signal }, async () => {
    for (const { executionArn, status } of await executions(at, machine)) {
      if ((await inputOf(at, executionArn!)).id !== eventId) continue;
      if (status === 'RUNNING') return undefined;
      return { arn: executionArn!, status: status!, events: await history(at, executionArn!) };
    }
    return undefined;
  });
}

/** The deliveries to our server that began since a moment and have ended, the oldest first. */
export async function deliveriesSince(at: At, moment: number): Promise<Ended[]> {
  const found: Ended[] = [];
  for (const { executionArn, startDate, status } of await executions(at, 'deliver-to-server')) {
    if (startDate!.getTime() < moment || status === 'RUNNING') continue;
    if ((await inputOf(at, executionArn!)).server !== at.subject.server) continue;
    found.unshift({ arn: executionArn!, status: status!, events: await history(at, executionArn!) });
  }
  return found;
}

async function history({ account }: At, executionArn: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const asked = { executionArn, maxResults: 1_000, includeExecutionData: false, nextToken };
    const page = await account.states.send(new GetExecutionHistoryCommand(asked));
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return events;
}

/** The states that were entered, in their order. */
export function entered(events: HistoryEvent[]): string[] {
  return events.flatMap(event => event.stateEnteredEventDetails?.name ?? []);
}

/** The transitions that AWS bills: each state that is entered, and each further try of a state. */
export function transitions(events: HistoryEvent[]): number {
  const count = (...types: string[]) => events.filter(({ type }) => types.includes(type!)).length;
  return entered(events).length + count('TaskScheduled', 'LambdaFunctionScheduled') - count('TaskStateEntered');
}

/** How a state that waits for a token went on: `TaskSucceeded`, `TaskTimedOut`. */
export function resumedBy(events: HistoryEvent[], state: string): string | undefined {
  const from = events.findIndex(event => event.stateEnteredEventDetails?.name === state);
  if (from < 0) return undefined;
  return events.slice(from).find(({ type }) => /^Task(Succeeded|Failed|TimedOut)$/.test(type!))?.type;
}

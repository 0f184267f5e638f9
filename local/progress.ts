/** A plain line for each step of the road, as the executions' histories tell it. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
  type HistoryEvent,
} from '@aws-sdk/client-sfn';

interface Followed {
  /** The last event that was told. */
  seen: number;
  subject: string;
  ended: boolean;
}

const OUTCOMES: Record<string, string> = {
  ExecutionFailed: 'failed',
  ExecutionTimedOut: 'timed out',
  ExecutionAborted: 'was stopped',
};
const LOOK_EVERY_MS = 300;

/** @returns a function that ends the following */
export function follow(client: SFNClient, report: (line: string) => void): () => Promise<void> {
  const executions = new Map<string, Followed>();
  let on = true;

  async function look(): Promise<void> {
    const { stateMachines } = await client.send(new ListStateMachinesCommand({}));
    for (const machine of stateMachines ?? []) {
      const { executions: listed } = await client.send(
        new ListExecutionsCommand({ stateMachineArn: machine.stateMachineArn, maxResults: 100 }),
      );
      for (const { executionArn, status } of [...(listed ?? [])].reverse()) {
        const followed = executions.get(executionArn!) ?? { seen: 0, subject: '', ended: false };
        executions.set(executionArn!, followed);
        if (followed.ended) continue;
        const { events } = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
        for (const event of events ?? [])
          if (event.id! > followed.seen) tell(event, followed, machine.name!.replace(/^[^-]+-/, ''));
        followed.seen = events?.at(-1)?.id ?? followed.seen;
        followed.ended = status !== 'RUNNING';
      }
    }
  }

  function tell(event: HistoryEvent, followed: Followed, machine: string): void {
    if (event.type === 'ExecutionStarted') followed.subject = subjectOf(event.executionStartedEventDetails?.input);
    const entered = event.stateEnteredEventDetails?.name;
    if (entered) report(`  ${followed.subject.padEnd(22)} ${machine.padEnd(18)} ${entered}`);
    const outcome = OUTCOMES[event.type!];
    if (outcome)
      report(
        `  ${followed.subject.padEnd(22)} ${machine.padEnd(18)} ${outcome}: ${event.executionFailedEventDetails?.error ?? ''} ${event.executionFailedEventDetails?.cause ?? ''}`.trimEnd(),
      );
  }

  const following = (async () => {
    while (on) {
      await look();
      await sleep(LOOK_EVERY_MS);
    }
    await look();
  })();
  following.catch((error: unknown) => report(`  (progress is no longer shown: ${String(error)})`));
  return async () => {
    on = false;
    await following.catch(() => {});
  };
}

function subjectOf(input = '{}'): string {
  const { detail, server } = JSON.parse(input) as { detail?: { domain?: string; server?: string }; server?: string };
  return detail?.domain ?? detail?.server ?? server ?? '';
}

/** What a soak counts at its end: AWS's faults, retries, and whether each page was deserved. */
import { readFileSync } from 'node:fs';
import { GetExecutionHistoryCommand, paginateListExecutions, SFNClient } from '@aws-sdk/client-sfn';
import { MACHINES } from '../road/history.ts';
import type { Provider } from '../../local/provider/provider.ts';

/** @param log the log of the stand-in for AWS @returns how often each fault happened */
export function faultsOfAws(log: string): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const [, fault] of readFileSync(log, 'utf8').matchAll(/ FAULT (\w+): /g))
    counted[`AWS: ${fault}`] = (counted[`AWS: ${fault}`] ?? 0) + 1;
  return counted;
}

/** Further tries of states, of all executions of the last 1,000 of each state machine. */
export async function retriesOf(provider: Provider): Promise<{ executions: number; retries: number }> {
  const client = new SFNClient(provider.client());
  const counted = { executions: 0, retries: 0 };
  for (const machine of MACHINES) {
    const stateMachineArn = provider.stack.outputs[machine]!;
    for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
      for (const { executionArn } of executions) {
        const { events = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
        const of = (...types: string[]) => events.filter(({ type }) => types.includes(type!)).length;
        counted.executions++;
        counted.retries += of('TaskScheduled', 'LambdaFunctionScheduled') - of('TaskStateEntered');
      }
  }
  return counted;
}

/**
 * @param broken servers that were killed
 * @returns why a person had to be paged, or undefined if the page says what passes by itself
 */
export function deservedBy(page: string, broken: Iterable<string>): string | undefined {
  const server = [...broken].find(name => page.includes(name));
  if (server !== undefined && page.includes('Server Unreachable')) return `${server} was killed`;
  if (page.includes('Issuer In Trouble')) return 'the CA failed';
  return undefined;
}

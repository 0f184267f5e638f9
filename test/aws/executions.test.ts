import * as lambda from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { executions as executionsOf } from '../../aws/executions.ts';
import { allow, startAccount, type Account, type ServiceFactory } from '../../packages/aws-stand-in/src/testing.ts';
import { everything, passingFaults } from '../faults/seed.ts';
import { memoryExecutions } from '../twins/executions.ts';
import type { Executions } from '../../core/ports/executions.ts';

interface ExecutionsUnderTest {
  executions: Executions;
  started(): Promise<{ name: string; input: unknown }[]>;
  /** Starts an execution that waits. @returns its token */
  waiting(name: string): Promise<string>;
  output(name: string): Promise<unknown>;
}

let provider: Account;
let client: SFNClient;
let under: ExecutionsUnderTest;
const tokens = new Map<string, string>();
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:send';

/** The function only has to accept the token. */
const functions: ServiceFactory = () => ({
  name: 'lambda',
  model: lambda,
  client: 'LambdaClient',
  operations: {
    Invoke({ Payload }, call) {
      call.authorize('lambda:InvokeFunction', functionArn);
      const { name, token } = JSON.parse(Buffer.from(Payload).toString());
      tokens.set(name, token);
      return { StatusCode: 200, Payload: Buffer.from('null') };
    },
  },
});

beforeAll(async () => {
  provider = await startAccount(['sqs', 'events', 'states'], { lambda: functions }, passingFaults);
  client = provider.client(SFNClient, everything);
  const trust = { Effect: 'Allow', Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const { arn: RoleArn } = provider.cloud.iam.putRole('machine', { Version: '2012-10-17', Statement: [trust] }, [
    { Version: '2012-10-17', Statement: [allow('lambda:InvokeFunction', functionArn)] },
  ]);
  const machine = async (StateMachineName: string, state: object) => {
    const DefinitionString = JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'Only', States: { Only: state } });
    const properties = { StateMachineName, RoleArn, DefinitionString };
    return (await provider.make('AWS::StepFunctions::StateMachine', StateMachineName, properties)).ref;
  };
  const send = {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Arguments: {
      FunctionName: functionArn,
      Payload: { name: '{% $states.context.Execution.Name %}', token: '{% $states.context.Task.Token %}' },
    },
    End: true,
  };
  const machines = {
    'secure-domain': await machine('secure-domain', { Type: 'Succeed' }),
    'deliver-to-server': await machine('deliver-to-server', send),
  };
  await provider.cloud.resume();
  const executions = executionsOf(client, machines);
  const described = (kind: keyof typeof machines, name: string) =>
    client.send(
      new DescribeExecutionCommand({
        executionArn: `${machines[kind].replace(':stateMachine:', ':execution:')}:${name}`,
      }),
    );
  under = {
    executions,
    async started() {
      const list = new ListExecutionsCommand({ stateMachineArn: machines['secure-domain'] });
      const names = (await client.send(list)).executions!.map(execution => execution.name!);
      return Promise.all(
        names.map(async name => ({ name, input: JSON.parse((await described('secure-domain', name)).input!) })),
      );
    },
    async waiting(name) {
      await executions.start('deliver-to-server', name, {});
      return vi.waitUntil(() => tokens.get(name));
    },
    output: name =>
      vi.waitUntil(async () => {
        const { output } = await described('deliver-to-server', name);
        return output && JSON.parse(output);
      }),
  };
});
afterAll(() => provider.stop());

describeExecutions('Step Functions', () => under);
const memory = memoryExecutions();
describeExecutions('its twin', () => ({
  executions: memory,
  started: async () => memory.started.filter(one => one.machine === 'secure-domain'),
  async waiting(name) {
    await memory.start('deliver-to-server', name, {});
    return `token of ${name}`;
  },
  output: async name => memory.succeeded.find(one => one.token === `token of ${name}`)?.output,
}));

function describeExecutions(name: string, make: () => ExecutionsUnderTest): void {
  describe(`an execution, in ${name}`, () => {
    test.each([
      ['again', { domain: 'example.com' }],
      ['again with another input, after it has ended', { domain: 'other.example' }],
    ])('of one name exists once if it is started %s', async (_, again) => {
      const { executions, started } = make();
      await executions.start('secure-domain', 'look-1', { domain: 'example.com' });
      await executions.start('secure-domain', 'look-1', again);
      expect(await started()).toMatchObject([{ name: 'look-1', input: { domain: 'example.com' } }]);
    });

    test('that waits is resumed once, with the first output', async () => {
      const { executions, waiting, output } = make();
      const token = await waiting('deliver-1');
      await executions.succeed(token, { commandId: 'one' });
      await executions.succeed(token, { commandId: 'two' });
      expect(await output('deliver-1')).toEqual({ commandId: 'one' });
    });

    test('may be gone: a token that is used or unknown is ignored', async () => {
      await expect(make().executions.succeed('nonsense', {})).resolves.toBeUndefined();
    });
  });
}

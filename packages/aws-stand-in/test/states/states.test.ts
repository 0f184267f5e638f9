import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as lambda from '@aws-sdk/client-lambda';
import * as eventBridge from '@aws-sdk/client-eventbridge';
import * as sfn from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCloud, type RunningCloud } from '../../src/cloud.ts';
import { AwsError, type Service } from '../../src/service/service.ts';
import { states, transitions } from '../../src/states/states.ts';

type Work = (payload: any) => unknown;

// The tests replace functions and the bus. They ask how Step Functions calls them, as which caller,
// and what Step Functions does with the answers.
let directory: string;
let cloud: RunningCloud;
let client: sfn.SFNClient;
let functions: Record<string, Work>;
let announced: any[];
let put: any[];
let roleArn: string;

const functionArn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const thrown = (errorType: string, errorMessage: string) => ({ failed: { errorType, errorMessage, trace: [] } });

async function up(): Promise<void> {
  const functionService = (): Service => ({
    name: 'lambda',
    model: lambda,
    client: 'LambdaClient',
    operations: {
      async Invoke({ FunctionName, Payload }, call) {
        const name = FunctionName.split(':').at(-1);
        call.authorize('lambda:InvokeFunction', functionArn(name));
        if (!functions[name])
          throw new AwsError('ResourceNotFoundException', `Function not found: ${name}`, { status: 404 });
        const result: any = await functions[name](JSON.parse(Buffer.from(Payload).toString()));
        const bytes = (value: unknown) => Buffer.from(JSON.stringify(value ?? null));
        if (result?.failed) return { StatusCode: 200, FunctionError: 'Unhandled', Payload: bytes(result.failed) };
        return { StatusCode: 200, Payload: bytes(result) };
      },
    },
  });
  const busService = (): Service & { publishServiceEvent(event: any): void } => ({
    name: 'events',
    model: eventBridge,
    client: 'EventBridgeClient',
    operations: {
      PutEvents({ Entries }, call) {
        call.authorize('events:PutEvents', 'arn:aws:events:us-east-1:000000000000:event-bus/default');
        put.push(...Entries);
        const answers = Entries.map((entry: any) =>
          entry.Source ? { EventId: 'e' } : { ErrorCode: 'InvalidArgument' },
        );
        return { Entries: answers, FailedEntryCount: answers.filter((answer: any) => answer.ErrorCode).length };
      },
    },
    publishServiceEvent: event => void announced.push(event),
  });
  cloud = await startCloud({ directory, services: [functionService, busService, states] });
  roleArn = cloud.iam.putRole('machine', trustIn('states'), [
    policy({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: functionArn('allowed-*') }),
    policy({ Effect: 'Allow', Action: 'events:PutEvents', Resource: '*' }),
  ]).arn;
  client = clientAs(cloud.iam.rootCredentials());
}

const policy = (statement: object) => ({ Version: '2012-10-17', Statement: [statement] });
const trustIn = (service: string) =>
  policy({ Effect: 'Allow', Principal: { Service: `${service}.amazonaws.com` }, Action: 'sts:AssumeRole' });
const clientAs = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
  new sfn.SFNClient({ region: 'us-east-1', endpoint: cloud.endpoint, credentials, maxAttempts: 1 });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealpost-states-'));
  functions = {};
  announced = [];
  put = [];
  await up();
});
afterEach(async () => {
  client.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true });
});

const create = async (machineStates: Record<string, any>, settings: object = {}) => {
  const definition = JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: Object.keys(machineStates)[0],
    States: machineStates,
    ...settings,
  });
  const { stateMachineArn } = await client.send(
    new sfn.CreateStateMachineCommand({ name: 'road', definition, roleArn }),
  );
  return stateMachineArn!;
};
const start = async (stateMachineArn: string, input: unknown = {}, name?: string) =>
  (await client.send(new sfn.StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input), name })))
    .executionArn!;
const describeExecution = (executionArn: string) => client.send(new sfn.DescribeExecutionCommand({ executionArn }));
const history = async (executionArn: string) =>
  (await client.send(new sfn.GetExecutionHistoryCommand({ executionArn }))).events!;
const types = async (executionArn: string) => (await history(executionArn)).map(event => event.type);

async function ended(executionArn: string): Promise<sfn.DescribeExecutionCommandOutput> {
  return eventually(async () => {
    const execution = await describeExecution(executionArn);
    return execution.status === 'RUNNING' ? undefined : execution;
  });
}
async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
const callAndWait = (more: object = {}) => ({
  Send: {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Arguments: { FunctionName: functionArn('allowed-send'), Payload: { token: '{% $states.context.Task.Token %}' } },
    End: true,
    ...more,
  },
});
const call = (name: string, more: object = {}) => ({
  Work: { Type: 'Task', Resource: functionArn(name), End: true, ...more },
});

describe('an execution', () => {
  test('of a function gives its result, and its history has the events of AWS', async () => {
    functions['allowed-work'] = ({ n }) => ({ doubled: n * 2 });
    const machine = await create({
      ...call('allowed-work', { End: undefined, Next: 'Done' }),
      Done: { Type: 'Succeed' },
    });
    const arn = await start(machine, { n: 21 }, 'example-1');
    expect(await ended(arn)).toMatchObject({
      executionArn: 'arn:aws:states:us-east-1:000000000000:execution:road:example-1',
      stateMachineArn: machine,
      status: 'SUCCEEDED',
      output: '{"doubled":42}',
      input: '{"n":21}',
    });
    const events = await history(arn);
    expect(events.map(event => [event.id, event.previousEventId, event.type])).toEqual([
      [1, 0, 'ExecutionStarted'],
      [2, 0, 'TaskStateEntered'],
      [3, 2, 'LambdaFunctionScheduled'],
      [4, 3, 'LambdaFunctionStarted'],
      [5, 4, 'LambdaFunctionSucceeded'],
      [6, 5, 'TaskStateExited'],
      [7, 6, 'SucceedStateEntered'],
      [8, 7, 'SucceedStateExited'],
      [9, 8, 'ExecutionSucceeded'],
    ]);
    expect(events[2]!.lambdaFunctionScheduledEventDetails).toEqual({
      resource: functionArn('allowed-work'),
      input: '{"n":21}',
      inputDetails: { truncated: false },
    });
    expect(events[4]!.lambdaFunctionSucceededEventDetails!.output).toBe('{"doubled":42}');
    expect(events[0]!.timestamp).toBeInstanceOf(Date);
    expect(transitions(events)).toBe(2);
  });

  test('publishes its start and its end on the default bus', async () => {
    const arn = await start(await create({ Done: { Type: 'Succeed' } }));
    await ended(arn);
    expect(announced.map(event => [event['detail-type'], event.source, event.detail.status])).toEqual([
      ['Step Functions Execution Status Change', 'aws.states', 'RUNNING'],
      ['Step Functions Execution Status Change', 'aws.states', 'SUCCEEDED'],
    ]);
    expect(announced[1]).toMatchObject({ resources: [arn], detail: { executionArn: arn, output: '{}', error: null } });
  });

  test.each([
    [
      'a thrown error',
      'allowed-work',
      'AcmeRejected',
      /^\{"errorType":"AcmeRejected","errorMessage":"no","trace":\[\]\}$/,
    ],
    [
      'a function that is not there',
      'allowed-absent',
      'Lambda.ResourceNotFoundException',
      /^Function not found: allowed-absent/,
    ],
    ['a function its role may not call', 'secret', 'Lambda.AccessDeniedException', /lambda:InvokeFunction/],
  ])('that fails by %s has its error', async (_what, name, error, cause) => {
    functions['allowed-work'] = () => thrown('AcmeRejected', 'no');
    functions['secret'] = () => 'must not be called';
    const arn = await start(await create(call(name)));
    expect(await ended(arn)).toMatchObject({ status: 'FAILED', error, cause: expect.stringMatching(cause) });
    expect((await types(arn)).slice(-3)).toEqual(['LambdaFunctionStarted', 'LambdaFunctionFailed', 'ExecutionFailed']);
  });

  test('that takes longer than the limit of its machine is timed out', async () => {
    const arn = await start(await create({ Long: { Type: 'Wait', Seconds: 60, End: true } }, { TimeoutSeconds: 1 }));
    expect((await ended(arn)).status).toBe('TIMED_OUT');
    expect(await types(arn)).toEqual(['ExecutionStarted', 'WaitStateEntered', 'ExecutionTimedOut']);
  });

  test('puts events with itself among their resources, and fails if one is not accepted', async () => {
    const machine = await create({
      Tell: {
        Type: 'Task',
        Resource: 'arn:aws:states:::events:putEvents',
        Arguments: {
          Entries: [
            { Source: '{% $states.input.source %}', DetailType: 'Domain Parked', Detail: { domain: 'a.example' } },
          ],
        },
        End: true,
      },
    });
    const arn = await start(machine, { source: 'sealpost' });
    expect(JSON.parse((await ended(arn)).output!)).toEqual({ Entries: [{ EventId: 'e' }], FailedEntryCount: 0 });
    expect(put).toEqual([
      { Source: 'sealpost', DetailType: 'Domain Parked', Detail: '{"domain":"a.example"}', Resources: [machine, arn] },
    ]);
    expect((await types(arn)).slice(2, 5)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskSucceeded']);
    const failed = await ended(await start(machine, { source: '' }));
    expect(failed).toMatchObject({ status: 'FAILED', error: 'EventBridge.FailedEntry' });
    expect(JSON.parse(failed.cause!)).toEqual({ Entries: [{ ErrorCode: 'InvalidArgument' }], FailedEntryCount: 1 });
  });

  test('that is stopped ends at once, and its task’s late answer changes nothing', async () => {
    const late = Promise.withResolvers<string>();
    functions['allowed-work'] = () => late.promise;
    const arn = await start(await create(call('allowed-work')));
    await eventually(async () => ((await types(arn)).includes('LambdaFunctionStarted') ? true : undefined));
    await client.send(new sfn.StopExecutionCommand({ executionArn: arn, error: 'Operator', cause: 'enough' }));
    late.resolve('too late');
    expect(await describeExecution(arn)).toMatchObject({ status: 'ABORTED', error: 'Operator', cause: 'enough' });
    await new Promise(resolve => setTimeout(resolve, 50));
    expect((await types(arn)).at(-1)).toBe('ExecutionAborted');
  });
});

describe('names', () => {
  test('of the same name and input is one execution while it runs, and the name is taken afterwards', async () => {
    const machine = await create({ Long: { Type: 'Wait', Seconds: 60, End: true } });
    const arn = await start(machine, { domain: 'a' }, 'one');
    expect(await start(machine, { domain: 'a' }, 'one')).toBe(arn);
    await expect(start(machine, { domain: 'b' }, 'one')).rejects.toMatchObject({
      name: 'ExecutionAlreadyExists',
      message: `Execution Already Exists: '${arn}'`,
    });
    await client.send(new sfn.StopExecutionCommand({ executionArn: arn }));
    await expect(start(machine, { domain: 'a' }, 'one')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    expect(announced.filter(event => event.detail.status === 'RUNNING')).toHaveLength(1);
  });

  test.each(['a b', 'mx1:7', 'a/b', 'a*'])('%j is refused', async name => {
    const machine = await create({ Done: { Type: 'Succeed' } });
    await expect(start(machine, {}, name)).rejects.toMatchObject({ name: 'InvalidName' });
  });

  test('of more than 80 characters are refused with the text of AWS', async () => {
    const machine = await create({ Done: { Type: 'Succeed' } });
    const name = 'x'.repeat(81);
    // As AWS answered (https://github.com/getmoto/moto/issues/6438).
    await expect(start(machine, {}, name)).rejects.toMatchObject({
      name: 'ValidationException',
      message: `1 validation error detected: Value '${name}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80`,
    });
  });
});

test.each(['', '{', 'domain'])('the input %j is refused, because it is no JSON', async input => {
  const stateMachineArn = await create({ Done: { Type: 'Succeed' } });
  const asked = client.send(new sfn.StartExecutionCommand({ stateMachineArn, input }));
  await expect(asked).rejects.toMatchObject({ name: 'InvalidExecutionInput' });
});

describe('a task token', () => {
  const token = (): Promise<string> => eventually(() => tokens[0]);
  let tokens: string[];
  beforeEach(() => {
    tokens = [];
    functions['allowed-send'] = payload => void tokens.push(payload.token);
  });
  const succeed = async (taskToken: string, output: unknown) =>
    client.send(new sfn.SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));

  test('ends its task with the answer', async () => {
    const arn = await start(await create(callAndWait()));
    await succeed(await token(), { seen: 'served' });
    expect((await ended(arn)).output).toBe('{"seen":"served"}');
    const events = await history(arn);
    expect(events.map(event => event.type).slice(2, -2)).toEqual([
      'TaskScheduled',
      'TaskStarted',
      'TaskSubmitted',
      'TaskSucceeded',
    ]);
    expect(events[2]!.taskScheduledEventDetails).toMatchObject({
      resourceType: 'lambda',
      resource: 'invoke.waitForTaskToken',
      region: 'us-east-1',
    });
  });

  test('may be answered before the function that got it has returned', async () => {
    functions['allowed-send'] = async payload => {
      await succeed(payload.token, 'early');
      return 'sent';
    };
    expect((await ended(await start(await create(callAndWait())))).output).toBe('"early"');
  });

  test('that is answered with a failure fails its task by that name', async () => {
    const arn = await start(await create(callAndWait()));
    await client.send(
      new sfn.SendTaskFailureCommand({ taskToken: await token(), error: 'InstallBroken', cause: 'port 993' }),
    );
    expect(await ended(arn)).toMatchObject({ status: 'FAILED', error: 'InstallBroken', cause: 'port 993' });
    expect((await types(arn)).at(-2)).toBe('TaskFailed');
  });

  test('is invalid once it was answered, or its task was timed out or stopped', async () => {
    const gone = { name: 'TaskTimedOut' };
    const machine = await create(callAndWait({ TimeoutSeconds: '{% $states.input.seconds %}' }));
    const answered = await start(machine, { seconds: 60 });
    await succeed(await token(), 1);
    await ended(answered);
    await expect(succeed(tokens[0]!, 1)).rejects.toMatchObject(gone);

    const slow = await start(machine, { seconds: 1 });
    expect(await ended(slow)).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
    expect((await types(slow)).slice(-2)).toEqual(['TaskTimedOut', 'ExecutionFailed']);
    await expect(succeed(tokens[1]!, 1)).rejects.toMatchObject(gone);

    const stopped = await start(machine, { seconds: 60 });
    await eventually(() => tokens[2]);
    await client.send(new sfn.StopExecutionCommand({ executionArn: stopped }));
    await expect(succeed(tokens[2]!, 1)).rejects.toMatchObject(gone);
  });

  test('that was never handed out is distinguished from one that has ended', async () => {
    const machine = await create(callAndWait());
    const forged = Buffer.from(JSON.stringify([machine, 'x', 'y'])).toString('base64');
    await expect(succeed(forged, 1)).rejects.toMatchObject({ name: 'TaskDoesNotExist' });
    await expect(succeed('junk', 1)).rejects.toMatchObject({ name: 'InvalidToken' });
  });

  test('of a state machine may be answered only by callers that the policy admits', async () => {
    const machine = await create(callAndWait());
    await start(machine);
    const { arn } = cloud.iam.putRole('resumer', trustIn('lambda'), [
      policy({ Effect: 'Allow', Action: 'states:SendTaskSuccess', Resource: machine }),
    ]);
    const resumer = clientAs(cloud.iam.credentials(arn, 'session'));
    const taskToken = await token();
    await expect(resumer.send(new sfn.SendTaskFailureCommand({ taskToken }))).rejects.toMatchObject({
      name: /AccessDenied/,
    });
    await resumer.send(new sfn.SendTaskSuccessCommand({ taskToken, output: '1' }));
    resumer.destroy();
  });

  test('is accepted after a restart, even before the execution is resumed, and its call is not repeated', async () => {
    const arn = await start(await create(callAndWait({ TimeoutSeconds: 60 })));
    const taskToken = await token();
    await eventually(async () => ((await types(arn)).includes('TaskSubmitted') ? true : undefined));
    await restart();
    await succeed(taskToken, 'early');
    await cloud.resume();
    expect((await ended(arn)).output).toBe('"early"');
    expect(tokens).toEqual([taskToken]);
  });
});

async function restart(): Promise<void> {
  client.destroy();
  await cloud.stop();
  await up();
}

describe('after a restart', () => {
  test('a Wait continues to its old end, and a task that was in flight runs again', async () => {
    let calls = 0;
    functions['allowed-work'] = () => (++calls === 1 ? new Promise(() => {}) : 'again');
    const machine = await create({ Short: { Type: 'Wait', Seconds: 1, Next: 'Work' }, ...call('allowed-work') });
    const waiting = await start(machine);
    const working = await start(await createNamed('work', call('allowed-work')));
    await eventually(() => (calls === 1 ? true : undefined));
    await restart();
    expect((await describeExecution(waiting)).status).toBe('RUNNING');
    await cloud.resume();
    expect((await ended(working)).output).toBe('"again"');
    const { status, startDate, stopDate } = await ended(waiting);
    expect(status).toBe('SUCCEEDED');
    expect(stopDate!.getTime() - startDate!.getTime()).toBeGreaterThanOrEqual(1000);
    expect((await types(waiting)).filter(type => type === 'WaitStateEntered')).toHaveLength(1);
  });

  const createNamed = async (name: string, machineStates: Record<string, any>) => {
    const definition = JSON.stringify({
      QueryLanguage: 'JSONata',
      StartAt: Object.keys(machineStates)[0],
      States: machineStates,
    });
    return (await client.send(new sfn.CreateStateMachineCommand({ name, definition, roleArn }))).stateMachineArn!;
  };
});

describe('the lists', () => {
  test('show executions newest first, by status and in pages', async () => {
    const machine = await create({
      Which: { Type: 'Choice', Choices: [{ Condition: '{% $states.input.fail %}', Next: 'Bad' }], Default: 'Good' },
      Bad: { Type: 'Fail' },
      Good: { Type: 'Succeed' },
    });
    for (const [name, fail] of Object.entries({ a: false, b: true, c: false, d: false }))
      await ended(await start(machine, { fail }, name));
    const list = async (more: object = {}) => {
      const { executions, nextToken } = await client.send(
        new sfn.ListExecutionsCommand({ stateMachineArn: machine, ...more }),
      );
      return { names: executions!.map(execution => execution.name), nextToken };
    };
    expect(await list()).toEqual({ names: ['d', 'c', 'b', 'a'], nextToken: undefined });
    expect((await list({ statusFilter: 'FAILED' })).names).toEqual(['b']);
    const first = await list({ maxResults: 3 });
    expect(first.names).toEqual(['d', 'c', 'b']);
    expect(await list({ maxResults: 3, nextToken: first.nextToken })).toEqual({ names: ['a'], nextToken: undefined });
    await expect(list({ nextToken: 'junk' })).rejects.toMatchObject({ name: 'InvalidToken' });
    await expect(list({ maxResults: 1001 })).rejects.toThrow('Member must have value less than or equal to 1000');
  });

  test('show a history in pages, in reverse, and without its data', async () => {
    const arn = await start(await create({ One: { Type: 'Pass', Next: 'Two' }, Two: { Type: 'Succeed' } }), {
      secret: 1,
    });
    await ended(arn);
    const page = (more: object) => client.send(new sfn.GetExecutionHistoryCommand({ executionArn: arn, ...more }));
    const first = await page({ maxResults: 4, reverseOrder: true });
    expect(first.events!.map(event => event.id)).toEqual([6, 5, 4, 3]);
    const second = await page({ maxResults: 4, reverseOrder: true, nextToken: first.nextToken });
    expect(second.events!.map(event => event.id)).toEqual([2, 1]);
    expect(second.nextToken).toBeUndefined();
    expect(JSON.stringify((await page({ includeExecutionData: false })).events)).not.toContain('secret');
  });

  test('refuse what does not exist', async () => {
    const absent = 'arn:aws:states:us-east-1:000000000000:execution:road:none';
    await expect(describeExecution(absent)).rejects.toMatchObject({ name: 'ExecutionDoesNotExist' });
    await expect(describeExecution('nonsense')).rejects.toMatchObject({ name: 'InvalidArn' });
    await expect(start('arn:aws:states:us-east-1:000000000000:stateMachine:none')).rejects.toMatchObject({
      name: 'StateMachineDoesNotExist',
    });
    await expect(client.send(new sfn.DeleteActivityCommand({ activityArn: absent }))).rejects.toThrow('DeleteActivity');
  });
});

describe('a state machine', () => {
  const template = async (properties: object) => {
    const definition = join(directory, 'machine.json');
    await writeFile(
      definition,
      JSON.stringify({
        QueryLanguage: 'JSONata',
        StartAt: 'Work',
        States: { Work: { Type: 'Task', Resource: '${Work}', End: true } },
      }),
    );
    return cloud.service('states').resources!['AWS::StepFunctions::StateMachine']!({
      logicalId: 'SecureDomain',
      stackName: 'Stack',
      properties: { RoleArn: roleArn, DefinitionS3Location: { Bucket: 'assets', Key: 'abc.json' }, ...properties },
      assetPath: key => (expect(key).toBe('abc.json'), definition),
    });
  };

  test('of the template is created from its asset and substitutions, and created again in place', async () => {
    functions['allowed-work'] = () => 'from the template';
    const properties = {
      DefinitionSubstitutions: { Work: functionArn('allowed-work') },
      LoggingConfiguration: { Level: 'ALL' },
      TracingConfiguration: { Enabled: true },
    };
    const made = await template(properties);
    expect(made.attributes!['Arn']).toBe(made.ref);
    expect(await template(properties)).toEqual(made);
    expect((await ended(await start(made.ref))).output).toBe('"from the template"');
    const { stateMachines } = await client.send(new sfn.ListStateMachinesCommand({}));
    expect(stateMachines).toMatchObject([
      { stateMachineArn: made.ref, name: made.attributes!['Name'], type: 'STANDARD' },
    ]);
  });

  test.each([
    ['a property that is not implemented', { EncryptionConfiguration: {} }, 'EncryptionConfiguration'],
    ['the type EXPRESS', { StateMachineType: 'EXPRESS' }, 'EXPRESS'],
    ['a substitution that is missing', {}, 'not a valid resource ARN'],
  ])('of the template is refused for %s', async (_what, properties, message) => {
    await expect(template(properties)).rejects.toThrow(message);
  });

  test('is refused if Step Functions may not assume its role', async () => {
    roleArn = cloud.iam.putRole('other', trustIn('lambda'), []).arn;
    await expect(create({ Done: { Type: 'Succeed' } })).rejects.toThrow('authorized to assume the provided role');
  });

  test('that is deleted takes no new execution, and running executions continue to their end', async () => {
    const stateMachineArn = await create({
      Short: { Type: 'Wait', Seconds: 1, Next: 'Old' },
      Old: { Type: 'Pass', Output: 'old', End: true },
    });
    const old = await start(stateMachineArn);
    await client.send(new sfn.DeleteStateMachineCommand({ stateMachineArn }));
    await expect(start(stateMachineArn)).rejects.toMatchObject({ name: 'StateMachineDoesNotExist' });
    await restart();
    await cloud.resume();
    expect((await ended(old)).output).toBe('"old"');
  });
});

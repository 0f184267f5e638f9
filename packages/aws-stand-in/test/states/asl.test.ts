import { createRequire } from 'node:module';
import aslValidator from 'asl-validator';
import { describe, expect, test } from 'vitest';
import { parseDefinition } from '../../src/states/asl/definition.ts';
import type { Host, TaskRequest, Visit } from '../../src/states/asl/host.ts';
import { execute } from '../../src/states/asl/interpreter.ts';
import { StateError } from '../../src/states/asl/state-error.ts';
import { VirtualTime } from '../../src/states/asl/virtual-time.ts';

const start = Date.parse('2026-11-24T10:00:00Z');
const never = new Promise<never>(() => {});
type Task = (argument: any, request: TaskRequest, host: VirtualHost) => unknown;

class VirtualHost extends VirtualTime implements Host {
  readonly events: any[] = [];
  readonly saved: Visit[] = [];
  readonly tasks: Record<string, Task>;
  jitter = 1;
  constructor(tasks: Record<string, Task> = {}) {
    super(start);
    this.tasks = tasks;
  }
  random = () => this.jitter;
  newToken = () => `token-${this.events.length}`;
  task(request: TaskRequest): Promise<unknown> {
    const name = request.resource.split(':')[6]!;
    const work = (async () => this.tasks[name]!(request.arguments, request, this))();
    return new Promise((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason));
      work.then(resolve, reject);
    });
  }
  record(type: string, details: object, previousEventId: number): number {
    const id = this.events.length + 1;
    this.events.push({ id, previousEventId, type, at: (this.time - start) / 1000, ...details });
    return id;
  }
  save(visit: Visit): void {
    this.saved.push(JSON.parse(JSON.stringify(visit)));
  }
}

interface Started {
  host?: VirtualHost;
  input?: unknown;
  resume?: { visit: Visit; lastEventId: number };
  signal?: AbortSignal;
  settings?: object;
  judged?: boolean;
}

const lambda = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const machineOf = (states: Record<string, any>, settings: object = {}) =>
  ({ QueryLanguage: 'JSONata', StartAt: Object.keys(states)[0], States: states, ...settings }) as const;

/**
 * A judge that others wrote, asl-validator, also checks the definitions of these tests (100 ms
 * each).
 */
async function run(states: Record<string, any>, { host = new VirtualHost(), input = {}, ...more }: Started = {}) {
  const text = JSON.stringify(machineOf(states, more.settings));
  if (more.judged !== false) expect(aslValidator(JSON.parse(text)).errorsText('; ')).toBe('');
  const definition = parseDefinition(text);
  const context = {
    Execution: {
      Id: 'arn:execution',
      Name: 'run-1',
      Input: input,
      RoleArn: 'arn:role',
      StartTime: new Date(start).toISOString(),
      RedriveCount: 0,
    },
    StateMachine: { Id: 'arn:machine', Name: 'machine' },
  };
  const { signal = new AbortController().signal, resume } = more;
  try {
    return { host, output: await host.until(execute({ definition, context, host, signal, resume })) };
  } catch (error) {
    if (!(error instanceof StateError)) return { host, failure: (error as Error).name };
    return { host, error: error.error, cause: error.errorCause };
  }
}

const types = (host: VirtualHost) => host.events.map(event => event.type);
const thrown =
  (error: string, cause = 'because') =>
  () => {
    throw new StateError(error, cause);
  };

describe('expressions', () => {
  test("are those of AWS's version of JSONata", () => {
    // Step Functions developer guide, "Transforming data".
    const installed = createRequire(import.meta.url)('jsonata/package.json') as { version: string };
    expect(installed.version).toBe('2.0.6');
  });

  const output = async (Output: unknown, input: unknown = {}) =>
    run({ Only: { Type: 'Pass', Output, End: true } }, { input, judged: false });
  const P = "An error occurred while executing the state 'Only' (entered at the event id #1). ";

  test("a field that is undefined fails the state with AWS's message, after an EvaluationFailed event", async () => {
    const { host, error, cause } = await output({ result: '{% $doesNotExist %}' });
    expect(error).toBe('States.QueryEvaluationError');
    expect(cause).toBe(
      `${P}The JSONata expression '$doesNotExist' specified for the field 'Output/result' returned nothing (undefined).`,
    );
    expect(types(host)).toEqual(['PassStateEntered', 'EvaluationFailed']);
    expect(host.events[1].evaluationFailedEventDetails).toEqual({
      error,
      cause,
      location: 'Output/result',
      state: 'Only',
    });
  });

  test.each([
    ["{% 'a' & 1 %}", 'a1'],
    ['is {% 1 %}', 'is {% 1 %}'],
    [
      { list: ['{% $states.input.n + 1 %}', 'plain'], no: null },
      { list: [3, 'plain'], no: null },
    ],
    // Recorded of AWS: a range of one number is the number.
    ['{% $range(1,9,9) %}', 1],
    ['{% $range(5,1,-2) %}', [5, 3, 1]],
    ['{% $partition([0],1) %}', [[0]]],
    ['{% $partition([1..5],2) %}', [[1, 2], [3, 4], [5]]],
    ['{% $parse(\'{"a":[1]}\').a[0] %}', 1],
    ["{% $hash('input data', 'SHA-1') %}", 'aaff4a450a104cd177d28d18d74485e8cae074b7'],
    ['{% $random(7) = $random(7) and $random(7) < 1 %}', true],
    ['{% $length($uuid()) %}', 36],
    ['{% {"a": 1, "b": $states.input.absent} %}', { a: 1 }],
    ['{% $states.context.Execution.Name & $states.context.State.Name %}', 'run-1Only'],
    ['{% $exists($states.context.State.RetryCount) or $exists($states.result) %}', false],
    ['{% $states.context.Execution.RedriveCount %}', 0],
  ])('%j gives %j', async (expression, expected) => {
    expect((await output(expression, { n: 2 })).output).toEqual(expected);
  });

  test.each([
    ["{% $eval('1') %}", 'threw an error during evaluation. T1006: Attempted to invoke a non-function'],
    ['{% function($x){$x} %}', 'returned an unsupported result type.'],
    ['{% [$sum] %}', 'returned an unsupported result type.'],
    ["{% $error('enough') %}", 'threw an error during evaluation. D3137: enough'],
    ['{% ($f := function($x){$f($x) + 1}; $f(1)) %}', 'threw an error during evaluation. U1001: Stack overflow error'],
  ])('%s fails: %s', async (expression, problem) => {
    const { cause } = await output(expression);
    expect(cause).toContain(`' specified for the field 'Output' ${problem}`);
  });
});

describe('states', () => {
  test('a Wait of a month ends at its moment, and not a second later', async () => {
    const { host, output } = await run({
      Month: { Type: 'Wait', Seconds: '{% 86400 * 31 %}', Next: 'Until', Assign: { waited: true } },
      Until: { Type: 'Wait', Timestamp: '2026-12-26T00:00:00+01:00', Next: 'Done' },
      Done: { Type: 'Succeed', Output: { waited: '{% $waited %}' } },
    });
    expect(output).toEqual({ waited: true });
    expect(host.events.map(event => [event.type, event.at])).toEqual([
      ['WaitStateEntered', 0],
      ['WaitStateExited', 31 * 86400],
      ['WaitStateEntered', 31 * 86400],
      ['WaitStateExited', Date.parse('2026-12-25T23:00:00Z') / 1000 - start / 1000],
      ['SucceedStateEntered', Date.parse('2026-12-25T23:00:00Z') / 1000 - start / 1000],
      ['SucceedStateExited', Date.parse('2026-12-25T23:00:00Z') / 1000 - start / 1000],
    ]);
    expect(host.events[1].stateExitedEventDetails.assignedVariables).toEqual({ waited: 'true' });
  });

  test.each(['2026-11-24 11:00:00', '2026-11-24T11:00:00', 'tomorrow'])(
    'a Wait until %s is refused as AWS refuses it',
    async when => {
      const { error, cause } = await run(
        { Until: { Type: 'Wait', Timestamp: '{% $states.input %}', End: true } },
        { input: when },
      );
      expect(error).toBe('States.QueryEvaluationError');
      expect(cause).toBe(
        `An error occurred while executing the state 'Until' (entered at the event id #1). The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${when}`,
      );
    },
  );

  test('a Choice takes the first rule that is true, with that rule’s own Output and Assign', async () => {
    const states = {
      Which: {
        Type: 'Choice',
        Choices: [
          { Condition: '{% $states.input.n > 10 %}', Next: 'End', Output: 'big', Assign: { size: 1 } },
          { Condition: '{% $states.input.n > 1 %}', Next: 'End', Output: 'some', Assign: { size: 2 } },
        ],
        Default: 'End',
        Output: "{% 'few' %}",
        Assign: { size: 3 },
      },
      End: { Type: 'Pass', Output: '{% $states.input & $size %}', End: true },
    };
    expect((await run(states, { input: { n: 11 } })).output).toBe('big1');
    expect((await run(states, { input: { n: 5 } })).output).toBe('some2');
    expect((await run(states, { input: { n: 1 } })).output).toBe('few3');
    const { cause } = await run(states, { input: { n: 'x' } });
    expect(cause).toContain("field 'Choices[0]/Condition' threw an error during evaluation. T2009");
  });

  test('a Choice without a rule that matches fails by a name of its own', async () => {
    const { Default: _, ...choice } = {
      Type: 'Choice',
      Choices: [{ Condition: '{% $states.input.go %}', Next: 'End' }],
      Default: 'End',
    };
    const { error } = await run({ Which: choice, End: { Type: 'Succeed' } }, { input: { go: false } });
    expect(error).toBe('States.NoChoiceMatched');
    const { cause } = await run({ Which: choice, End: { Type: 'Succeed' } }, { input: { go: 'yes' } });
    expect(cause).toContain("Expected 'boolean', but was 'string' for value: \"yes\"");
  });

  test('a Fail gives its evaluated error and cause, and leaves out what it does not have', async () => {
    const failing = { Bad: { Type: 'Fail', Error: "{% 'Domain' & 'Lost' %}", Cause: 'gone' } };
    expect(await run(failing)).toMatchObject({ error: 'DomainLost', cause: 'gone' });
    expect(await run({ Bad: { Type: 'Fail' } })).toMatchObject({ error: undefined, cause: undefined });
  });

  test('an Output does not see what the same state assigns', async () => {
    const { output } = await run({
      One: { Type: 'Pass', Assign: { x: 1 }, Next: 'Two' },
      Two: { Type: 'Pass', Assign: { x: 2, y: '{% $x %}' }, Output: '{% $x %}', Next: 'Three' },
      Three: { Type: 'Pass', Output: '{% [$states.input, $x, $y] %}', End: true },
    });
    expect(output).toEqual([1, 2, 1]);
  });

  test('a machine that takes too long is ended, and no state can catch that', async () => {
    const states = {
      Long: { Type: 'Task', Resource: lambda('hang'), End: true, Retry: [{ ErrorEquals: ['States.ALL'] }] },
    };
    const host = new VirtualHost({ hang: () => never });
    expect((await run(states, { host, settings: { TimeoutSeconds: 90 } })).failure).toBe('ExecutionTimedOut');
    expect(host.time - start).toBe(90_000);
  });

  test('an output over 256 KiB ends the execution, past every States.ALL', async () => {
    const host = new VirtualHost({ big: () => 'x'.repeat(256 * 1024) });
    const states = {
      Big: {
        Type: 'Task',
        Resource: lambda('big'),
        End: true,
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
      },
      Caught: { Type: 'Succeed' },
    };
    expect(await run(states, { host })).toMatchObject({
      error: 'States.DataLimitExceeded',
      cause: "The state/task 'Big' returned a result with a size exceeding the maximum number of bytes service limit.",
    });
  });
});

describe('errors', () => {
  const task = (more: object) => ({
    Work: { Type: 'Task', Resource: lambda('work'), Output: '{% $states.result %}', ...more, Next: 'Done' },
    Done: { Type: 'Succeed' },
  });
  const caught = (ErrorEquals: string[]) => ({
    Catch: [{ ErrorEquals, Next: 'Done', Output: '{% $states.errorOutput.Error %}' }],
  });

  test('a retrier waits with backoff, up to its longest delay, for its number of attempts', async () => {
    const attempts: number[] = [];
    const host = new VirtualHost({
      work: (argument, _request, { time }) => {
        attempts.push((time - start) / 1000);
        expect(argument).toBe(attempts.length - 1);
        throw new StateError('Throttled', 'slow down');
      },
    });
    const Retry = [
      { ErrorEquals: ['Throttled'], IntervalSeconds: 2, BackoffRate: 3, MaxAttempts: 4, MaxDelaySeconds: 20 },
    ];
    const states = task({ Retry, Arguments: '{% $states.context.State.RetryCount %}' });
    expect(await run(states, { host })).toMatchObject({ error: 'Throttled', cause: 'slow down' });
    expect(attempts).toEqual([0, 2, 8, 26, 46]);
  });

  test('full jitter waits a part of the delay', async () => {
    let calls = 0;
    const host = new VirtualHost({ work: () => (calls++ === 0 ? thrown('Throttled')() : 'done') });
    host.jitter = 0.25;
    const Retry = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 60, JitterStrategy: 'FULL' }];
    expect((await run(task({ Retry }), { host })).output).toBe('done');
    expect(host.time - start).toBe(15_000);
  });

  test('each retrier counts its own attempts, and the catcher follows when its retrier is spent', async () => {
    const errors = ['A', 'B', 'A', 'B', 'B'];
    const host = new VirtualHost({ work: () => thrown(errors.shift()!)() });
    const Retry = [
      { ErrorEquals: ['A'], MaxAttempts: 2 },
      { ErrorEquals: ['B'], MaxAttempts: 2 },
    ];
    expect((await run(task({ Retry, ...caught(['B']) }), { host })).output).toBe('B');
    expect(errors).toEqual([]);
  });

  test.each([
    ['Custom', ['States.TaskFailed'], true],
    ['States.Timeout', ['States.TaskFailed'], false],
    ['States.Timeout', ['States.Timeout'], true],
    ['States.Timeout', ['States.ALL'], true],
    ['States.DataLimitExceeded', ['States.ALL'], false],
    ['States.DataLimitExceeded', ['States.DataLimitExceeded'], true],
    ['States.Runtime', ['States.Runtime'], false],
    ['Custom', ['Other', 'Custom'], true],
    ['Custom', ['custom'], false],
  ])('%s is matched by %j: %s', async (error, names, matched) => {
    const host = new VirtualHost({ work: thrown(error) });
    expect((await run(task(caught(names)), { host })).output).toBe(matched ? error : undefined);
  });

  test('a catcher sees input, error and variables, assigns, and continues at its next state', async () => {
    const { host, output } = await run(
      {
        Work: {
          Type: 'Task',
          Resource: lambda('work'),
          Catch: [
            {
              ErrorEquals: ['Custom'],
              Assign: { why: '{% $states.errorOutput.Cause %}' },
              Output: '{% $merge([$states.input, {"error": $states.errorOutput.Error}]) %}',
              Next: 'Parked',
            },
          ],
          Next: 'Parked',
        },
        Parked: { Type: 'Pass', Output: '{% [$states.input, $why] %}', End: true },
      },
      { input: { domain: 'example.com' }, host: new VirtualHost({ work: thrown('Custom', '{"errorType":"Custom"}') }) },
    );
    expect(output).toEqual([{ domain: 'example.com', error: 'Custom' }, '{"errorType":"Custom"}']);
    expect(host.events[1]).toMatchObject({
      type: 'TaskStateExited',
      stateExitedEventDetails: { name: 'Work', assignedVariables: { why: '"{\\"errorType\\":\\"Custom\\"}"' } },
    });
  });

  test('a task that hangs times out with only the name States.Timeout', async () => {
    const states = task({ TimeoutSeconds: '{% $states.input.limit %}', ...caught(['States.Timeout']) });
    const host = new VirtualHost({ work: () => never });
    expect((await run(states, { host, input: { limit: 2700 } })).output).toBe('States.Timeout');
    expect(host.time - start).toBe(2_700_000);
  });

  test('a failed expression of a Task can be caught', async () => {
    const host = new VirtualHost({ work: () => ({}) });
    const states = task({ Output: '{% $states.result.absent %}', ...caught(['States.QueryEvaluationError']) });
    expect((await run(states, { host })).output).toBe('States.QueryEvaluationError');
  });
});

describe('an execution whose process was killed', () => {
  const killed = async (states: Record<string, any>, tasks: Record<string, Task>, after: number) => {
    const first = new VirtualHost(tasks);
    const kill = new AbortController();
    first.sleepUntil(start + after * 1000, kill.signal).then(
      () => kill.abort(new Error('killed')),
      () => {},
    );
    await run(states, { host: first, signal: kill.signal });
    const second = new VirtualHost(tasks);
    second.time = start + after * 1000;
    const resume = { visit: first.saved.at(-1)!, lastEventId: first.events.length };
    return { first, second, ...(await run(states, { host: second, resume })) };
  };

  test('keeps waiting until its old deadline, with its variables', async () => {
    const { second, output } = await killed(
      {
        Set: { Type: 'Pass', Assign: { x: 5 }, Next: 'Long' },
        Long: { Type: 'Wait', Seconds: 1000, Next: 'Done' },
        Done: { Type: 'Succeed', Output: '{% $x %}' },
      },
      {},
      400,
    );
    expect(output).toBe(5);
    expect(second.time - start).toBe(1_000_000);
    expect(types(second)).toEqual(['WaitStateExited', 'SucceedStateEntered', 'SucceedStateExited']);
  });

  test('keeps the attempts that it has used, and the time of the next attempt', async () => {
    const { first, second, error } = await killed(
      {
        Work: {
          Type: 'Task',
          Resource: lambda('work'),
          Retry: [{ ErrorEquals: ['Custom'], IntervalSeconds: 100, BackoffRate: 1, MaxAttempts: 2 }],
          End: true,
        },
      },
      { work: (_argument, { record }) => (record('LambdaFunctionScheduled'), thrown('Custom')()) },
      150,
    );
    expect(error).toBe('Custom');
    expect(first.events.filter(event => event.type === 'LambdaFunctionScheduled').map(event => event.at)).toEqual([
      0, 100,
    ]);
    expect(second.events.filter(event => event.type === 'LambdaFunctionScheduled').map(event => event.at)).toEqual([
      200,
    ]);
  });

  test('repeats a task that was in flight, but only waits for a token that was handed out', async () => {
    const calls: unknown[] = [];
    const states = {
      Send: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Arguments: {},
        TimeoutSeconds: 900,
        End: true,
      },
    };
    const submit = (submitted: boolean): Record<string, Task> => ({
      'invoke.waitForTaskToken': (_argument, request) => {
        calls.push([request.token, request.submitted]);
        if (submitted) request.onSubmitted();
        return never;
      },
    });
    const waiting = await killed(states, submit(true), 300);
    expect(calls).toEqual([
      ['token-1', false],
      ['token-1', true],
    ]);
    expect(waiting.error).toBe('States.Timeout');
    expect(waiting.second.time - start).toBe(900_000);
    calls.length = 0;
    await killed(states, submit(false), 300);
    expect(calls).toEqual([
      ['token-1', false],
      ['token-0', false],
    ]);
  });
});

describe('a definition is refused', () => {
  const pass = { Type: 'Pass', End: true };
  const task = (more: object) => ({ T: { Type: 'Task', Resource: lambda('f'), End: true, ...more } });
  const refused = (text: string) => {
    try {
      parseDefinition(text);
    } catch (error) {
      return error as { code: string; status: number; message: string };
    }
    throw new Error('it was accepted');
  };
  test.each<[string, Record<string, any>]>([
    ['a state of type Map', { M: { Type: 'Map', ItemProcessor: { StartAt: 'P', States: { P: pass } }, End: true } }],
    [
      'a state of type Parallel',
      { P: { Type: 'Parallel', Branches: [{ StartAt: 'P', States: { P: pass } }], End: true } },
    ],
    ['Credentials', task({ Credentials: {} })],
    ['HeartbeatSeconds', task({ HeartbeatSeconds: 5 })],
    ['Resource arn:aws:states:::ecs:runTask.sync', task({ Resource: 'arn:aws:states:::ecs:runTask.sync' })],
    ['Resource arn:aws:states:::lambda:invoke ', task({ Resource: 'arn:aws:states:::lambda:invoke' })],
  ])('as not implemented: %s', (name, states) => {
    expect(refused(JSON.stringify(machineOf(states)))).toMatchObject({
      code: 'InvalidDefinition',
      status: 400,
      message: expect.stringContaining(`states: ${name}`),
    });
  });

  test('as not implemented if it is in JSONPath', () => {
    const { QueryLanguage: _, ...jsonPath } = machineOf({ P: pass });
    expect(refused(JSON.stringify(jsonPath))).toMatchObject({
      ...{ code: 'InvalidDefinition', message: expect.stringContaining('QueryLanguage other than JSONata') },
    });
  });

  test.each<[string, Record<string, any>]>([
    ["Field 'InputPath' is not supported", { P: { ...pass, InputPath: '$' } }],
    ["Field 'Parameters' is not supported", task({ Parameters: {} })],
    ["Field 'Colour' is not supported", { P: { ...pass, Colour: 'red' } }],
    [
      "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
      { P: { ...pass, QueryLanguage: 'JSONPath' } },
    ],
    ["Missing 'States/P' target: Nowhere", { P: { Type: 'Pass', Next: 'Nowhere' } }],
    ['State "Lost" is not reachable', { P: pass, Lost: pass }],
    ['not a valid JSONata expression: S0203', { P: { ...pass, Output: '{% $states.( %}' } }],
    ["must end with '%}'", { P: { ...pass, Output: '{% 1 ' } }],
    ["'states' is a reserved variable name", { P: { ...pass, Assign: { states: 1 } } }],
    ['[Next] or [End]', { P: { Type: 'Pass' } }],
    ['These fields are required: [Resource]', { T: { Type: 'Task', End: true } }],
    ["one of 'Seconds' and 'Timestamp'", { W: { Type: 'Wait', End: true } }],
    ["'TimeoutSeconds' must be an integer from 1", task({ TimeoutSeconds: 0 })],
    ['States.ALL must appear alone and in the last place', task({ Retry: [{ ErrorEquals: ['States.ALL', 'A'] }] })],
    ['Value is not valid: Type Activity', { A: { Type: 'Activity', End: true } }],
  ])('as AWS refuses it: %s', (message, states) => {
    expect(refused(JSON.stringify(machineOf(states)))).toMatchObject({
      code: 'InvalidDefinition',
      message: expect.stringContaining(message),
    });
  });

  test('in the recorded words of AWS if it is empty', () => {
    expect(refused('{}').message).toBe(
      "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'",
    );
    expect(refused('not a definition').message).toContain('INVALID_JSON_DESCRIPTION');
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { FilterLogEventsCommand, CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import type { InvokeCommandInput } from '@aws-sdk/client-lambda';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startCloud } from '../src/cloud.ts';
import type { RunningCloud } from '../src/cloud.ts';
import { lambda } from '../src/lambda/lambda.ts';
import { logs } from '../src/logs/logs.ts';
import { sqs } from '../src/sqs/sqs.ts';

// The start of a process takes a third of a second, and several seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let directory: string;
let cloud: RunningCloud;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'functions-'));
  cloud = await startCloud({ directory, services: [lambda, logs, sqs], pace: 60 });
});

afterEach(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true });
});

const trust = (service: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
});
const allow = (Action: string | string[]) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
});
const inline = (...actions: string[]) => [{ PolicyName: 'inline', PolicyDocument: allow(actions) }];
const logging = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];

interface Deployed {
  code: string;
  properties?: object;
  role?: object;
  /** Further resources; the function is `Subject`, its role `Role`. */
  resources?: object;
  /** Changes the asset's hash, as a change of the code does. */
  version?: string;
}

/** Writes the files that CDK would write for one function. `code` is its index.js. */
async function synthesise({ code, properties, role, resources, version = '1' }: Deployed): Promise<void> {
  await mkdir(path.join(directory, `asset.${version}`), { recursive: true });
  await writeFile(path.join(directory, `asset.${version}`, 'index.js'), code);
  const files = {
    x: { source: { path: `asset.${version}` }, destinations: { here: { objectKey: `${version}.zip` } } },
  };
  await writeFile(path.join(directory, 'shop.assets.json'), JSON.stringify({ files }));
  const Subject = {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: 'subject',
      Code: { S3Bucket: 'assets', S3Key: `${version}.zip` },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Timeout: 30,
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      ...properties,
    },
  };
  const Role = {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: 'subject-role',
      AssumeRolePolicyDocument: trust('lambda.amazonaws.com'),
      Policies: inline(...logging),
      ...role,
    },
  };
  await writeFile(
    path.join(directory, 'shop.template.json'),
    JSON.stringify({ Resources: { Role, Subject, ...resources } }),
  );
}

async function deploy(deployed: Deployed): Promise<void> {
  await synthesise(deployed);
  await cloud.loadTemplate({ cdkOut: directory, stackName: 'shop', parameters: {} });
}

const client = () => ({
  endpoint: cloud.endpoint,
  region: cloud.region,
  credentials: cloud.iam.rootCredentials(),
  maxAttempts: 1,
});

async function invoke(event: unknown = {}, more: Partial<InvokeCommandInput> = {}) {
  const Payload = Buffer.from(JSON.stringify(event));
  const answer = await new LambdaClient(client()).send(
    new InvokeCommand({ FunctionName: 'subject', Payload, ...more }),
  );
  const text = answer.Payload?.transformToString();
  return { ...answer, result: text ? JSON.parse(text) : undefined };
}

async function lines(group = '/aws/lambda/subject', filterPattern?: string): Promise<string[]> {
  const command = new FilterLogEventsCommand({ logGroupName: group, filterPattern });
  return (await new CloudWatchLogsClient(client()).send(command)).events!.map(({ message }) => message!);
}

/** The messages of a queue, as the account's owner reads them. */
async function received(queue: string): Promise<any[]> {
  const QueueUrl = `${cloud.endpoint}/${cloud.account}/${queue}`;
  const answer = await cloud.request(cloud.iam.root(), 'sqs', 'ReceiveMessage', {
    QueueUrl,
    MessageAttributeNames: ['All'],
  });
  return answer.Messages ?? [];
}

const ANSWERING = 'exports.handler = async () => process.pid';

describe('a function gets', () => {
  test('an event, and a complete context', async () => {
    await deploy({
      properties: { MemorySize: 256, Timeout: 20 },
      code: `exports.handler = async (event, context) => ({ event, ...context, remaining: context.getRemainingTimeInMillis() })`,
    });
    const { result, StatusCode, ExecutedVersion, FunctionError, $metadata } = await invoke({ hello: 'wörld' });
    expect({ StatusCode, ExecutedVersion, FunctionError }).toEqual({
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      FunctionError: undefined,
    });
    expect(result).toEqual({
      event: { hello: 'wörld' },
      functionName: 'subject',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:subject',
      memoryLimitInMB: '256',
      awsRequestId: $metadata.requestId,
      logGroupName: '/aws/lambda/subject',
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
      xRayTraceId: expect.stringMatching(/^Root=1-/),
      remaining: expect.any(Number),
    });
    expect(result.remaining).toBeGreaterThan(0);
    expect(result.remaining).toBeLessThanOrEqual(20_000);
  });

  test('its own variables and those of Lambda, and no variable of the stand-in', async () => {
    vi.stubEnv('SECRET_OF_THE_PROVIDER', 'x');
    await deploy({
      properties: { Environment: { Variables: { TABLE: 'domains' } } },
      code: 'exports.handler = async () => process.env',
    });
    const { result } = await invoke();
    vi.unstubAllEnvs();
    expect(Object.keys(result).sort()).toEqual(
      [
        ...[
          'AWS_ACCESS_KEY_ID',
          'AWS_DEFAULT_REGION',
          'AWS_ENDPOINT_URL',
          'AWS_EXECUTION_ENV',
          'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
        ],
        ...[
          'AWS_LAMBDA_FUNCTION_NAME',
          'AWS_LAMBDA_FUNCTION_VERSION',
          'AWS_LAMBDA_INITIALIZATION_TYPE',
          'AWS_LAMBDA_LOG_FORMAT',
        ],
        ...[
          'AWS_LAMBDA_LOG_GROUP_NAME',
          'AWS_LAMBDA_LOG_LEVEL',
          'AWS_LAMBDA_LOG_STREAM_NAME',
          'AWS_LAMBDA_RUNTIME_API',
          'AWS_REGION',
        ],
        ...[
          'AWS_SECRET_ACCESS_KEY',
          'LAMBDA_RUNTIME_DIR',
          'LAMBDA_TASK_ROOT',
          'LANG',
          'PATH',
          'TABLE',
          'TZ',
          '_HANDLER',
          '_X_AMZN_TRACE_ID',
        ],
      ].sort(),
    );
    expect(result).toMatchObject({ TABLE: 'domains', TZ: ':UTC', _HANDLER: 'index.handler', AWS_REGION: 'us-east-1' });
  });

  test("the rights of its role and no others: the bundle's AWS client uses the role at the endpoint", async () => {
    const entry = path.join(directory, 'entry.ts');
    const sts = path.resolve('node_modules/@aws-sdk/client-sts');
    await writeFile(
      entry,
      `import { STSClient, GetCallerIdentityCommand } from '${sts}'; import { LambdaClient, ListFunctionsCommand } from '${path.resolve('node_modules/@aws-sdk/client-lambda')}';
       export const handler = async () => {
         const { Arn } = await new STSClient().send(new GetCallerIdentityCommand());
         return { Arn, list: await new LambdaClient().send(new ListFunctionsCommand()).catch(error => error.name) };
       };`,
    );
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
    });
    await deploy({ code: outputFiles[0]!.text });
    expect((await invoke()).result).toEqual({
      Arn: 'arn:aws:sts::000000000000:assumed-role/subject-role/subject',
      list: expect.stringMatching(/^AccessDenied/),
    });
  });

  test('its invocations for itself: another user of the machine, who finds the port, takes none', async () => {
    await deploy({ code: 'exports.handler = async () => ({ ...process.env })' });
    const { AWS_LAMBDA_RUNTIME_API, ...others } = (await invoke()).result;
    const next = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next`;
    for (const headers of [{}, { 'stand-in-secret': '' }])
      expect((await fetch(next, { headers, signal: AbortSignal.timeout(5_000) })).status).toBe(403);
    expect((await invoke()).result).toMatchObject({ AWS_LAMBDA_RUNTIME_API });
    expect(others).not.toHaveProperty('STAND_IN_SECRET');
  });

  test('only the content of its bundle: a package of the checkout is not found', async () => {
    await deploy({ code: `exports.handler = async () => require('${path.resolve('node_modules/zod')}')` });
    const { FunctionError, result } = await invoke();
    expect(FunctionError).toBe('Unhandled');
    expect(result).toMatchObject({
      errorType: 'Runtime.ImportModuleError',
      errorMessage: expect.stringContaining("not in the function's bundle"),
    });
  });

  test('a CommonJS bundle as CommonJS, even if the checkout around it says "module"', async () => {
    await writeFile(path.join(directory, 'package.json'), '{ "type": "module" }');
    await deploy({ code: 'module.exports.handler = async () => typeof require' });
    expect((await invoke()).result).toBe('function');
  });
});

describe('an error inside a function', () => {
  test('that is thrown keeps its name, and the process stays', async () => {
    await deploy({
      code: `class RateLimited extends Error { name = 'AcmeRateLimited' }
        exports.handler = async event => { if (event.fail) throw new RateLimited('wait until noon'); return process.pid }`,
    });
    const { result: before } = await invoke();
    const { FunctionError, StatusCode, result } = await invoke({ fail: true });
    expect({ FunctionError, StatusCode }).toEqual({ FunctionError: 'Unhandled', StatusCode: 200 });
    expect(result).toEqual({
      errorType: 'AcmeRateLimited',
      errorMessage: 'wait until noon',
      trace: expect.arrayContaining([expect.stringContaining('index.js')]),
    });
    expect((await invoke()).result).toBe(before);
  });

  test.each([
    ['time over', 'while (true);', 'Sandbox.Timedout', /^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/],
    [
      'an exit',
      'process.exit(3)',
      'Runtime.ExitError',
      /^RequestId: \S+ Error: Runtime exited with error: exit status 3$/,
    ],
    [
      'a stray rejection',
      'Promise.reject(new Error("stray")); await new Promise(() => {})',
      'Runtime.ExitError',
      /^RequestId: \S+ Error: Runtime exited with error: exit status 1$/,
    ],
  ])('such as %s ends the process; the next invocation has another', async (_, statement, errorType, message) => {
    await deploy({
      properties: { Timeout: 1 },
      code: `exports.handler = async event => { if (event.pid) return process.pid; ${statement} }`,
    });
    const { result: before } = await invoke({ pid: true });
    const { FunctionError, result } = await invoke();
    expect(FunctionError).toBe('Unhandled');
    expect(result).toMatchObject({ errorType, errorMessage: expect.stringMatching(message) });
    await vi.waitFor(() => expect(existsSync(`/proc/${before}`)).toBe(false));
    expect((await invoke({ pid: true })).result).not.toBe(before);
  });

  test('such as an answer that is no JSON has the name that AWS gives it', async () => {
    await deploy({ code: 'exports.handler = async () => 1n' });
    const errorMessage = 'Unable to stringify response body';
    expect((await invoke()).result).toMatchObject({ errorType: 'Runtime.JSONStringifyError', errorMessage });
  });

  test.each([
    ['throw new RangeError("at load")', 'RangeError', 'at load'],
    ['exports.other = 1', 'Runtime.HandlerNotFound', 'index.handler is undefined or not exported'],
    [
      'exports.handler = (event, context, callback) => callback()',
      'Runtime.CallbackHandlerDeprecated',
      expect.stringContaining('AWS Lambda has removed support for callback-based function handlers'),
    ],
    ['process.exit(4)', 'Runtime.ExitError', 'Error: Runtime exited with error: exit status 4'],
  ])('at the start is the answer of the invocation: %s', async (code, errorType, errorMessage) => {
    await deploy({ code });
    const { FunctionError, result } = await invoke();
    expect(FunctionError).toBe('Unhandled');
    expect(result).toMatchObject({ errorType, errorMessage });
  });

  test("because its code was deleted is the function's, not the stand-in's", async () => {
    await deploy({ code: ANSWERING });
    await rm(path.join(directory, 'asset.1'), { recursive: true });
    expect((await invoke()).result).toMatchObject({ errorType: 'Runtime.ExitError' });
  });

  test('because of too much heap ends the process', async () => {
    await deploy({
      properties: { MemorySize: 128 },
      code: `exports.handler = async () => { const all = []; for (;;) all.push(Array(1e6).fill({})); }`,
    });
    const { result } = await invoke();
    expect(result).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(/signal: (abrt|trap)/),
    });
  });
});

describe('a process', () => {
  test('runs one invocation at a time; two invocations at once have two processes', async () => {
    const met = path.join(directory, 'met');
    await mkdir(met);
    // Each of the two waits for the other one, however long a process takes to start.
    await deploy({
      properties: { Timeout: 60 },
      code: `const fs = require('node:fs');
        exports.handler = async ({ alone }) => {
          fs.writeFileSync('${met}/' + process.pid, '');
          while (!alone && fs.readdirSync('${met}').length < 2) await new Promise(done => setTimeout(done, 20));
          return process.pid;
        }`,
    });
    const both = await Promise.all([invoke({}), invoke({})]);
    const later = await invoke({ alone: true });
    const [first, second] = both.map(({ result }) => result);
    expect(first).not.toBe(second);
    expect([first, second]).toContain(later.result);
  });

  test('uses what an earlier process has compiled', async () => {
    await deploy({ code: ANSWERING });
    await invoke();
    // The cache is written between two invocations.
    await invoke();
    const kept = await readdir(path.join(directory, 'compile-cache'), { recursive: true });
    expect(kept.length).toBeGreaterThan(1);
  });

  test('is retired if the function has new code, and kept if its code is the same', async () => {
    const code = (says: string) => `exports.handler = async () => ['${says}', process.pid]`;
    await deploy({ code: code('old') });
    const old = (await invoke()).result;
    await deploy({ code: code('old') });
    expect((await invoke()).result).toEqual(old);
    await deploy({ code: code('new'), version: '2' });
    expect((await invoke()).result).toEqual(['new', expect.any(Number)]);
    await vi.waitFor(() => expect(existsSync(`/proc/${old[1]}`)).toBe(false));
  });
});

describe('a function', () => {
  const caller = (name: string, ...actions: string[]) => {
    cloud.iam.putRole(name, trust('states.amazonaws.com'), [allow(actions)]);
    return cloud.iam.assume(name, { service: 'states.amazonaws.com', session: 'test' });
  };

  test('is invoked by a role with lambda:InvokeFunction, and by no role without it', async () => {
    await deploy({ code: ANSWERING });
    const ask = (name: string, action: string) =>
      cloud.request(caller(name, action), 'lambda', 'Invoke', { FunctionName: 'subject' });
    await expect(ask('stranger', 'lambda:GetFunction')).rejects.toThrow('lambda:InvokeFunction');
    expect((await ask('friend', 'lambda:InvokeFunction')).StatusCode).toBe(200);
  });

  test('is invoked by a service with a permission, and only for the source that the permission names', async () => {
    const SourceArn = 'arn:aws:events:us-east-1:000000000000:rule/mine';
    const Permission = {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { 'Fn::GetAtt': ['Subject', 'Arn'] },
        Principal: 'events.amazonaws.com',
        SourceArn,
      },
    };
    const ask = (sourceArn: string) =>
      cloud.request({ ...cloud.iam.service('events.amazonaws.com'), sourceArn } as never, 'lambda', 'Invoke', {
        FunctionName: 'subject',
      });
    await deploy({ code: ANSWERING, resources: { Permission } });
    expect((await ask(SourceArn)).StatusCode).toBe(200);
    await expect(ask(`${SourceArn}-not`)).rejects.toThrow('lambda:InvokeFunction');
    await deploy({ code: ANSWERING });
    await expect(ask(SourceArn)).rejects.toThrow('lambda:InvokeFunction');
  });

  test('whose role does not trust Lambda is refused at deploy', async () => {
    const role = { AssumeRolePolicyDocument: trust('ec2.amazonaws.com') };
    await expect(deploy({ code: ANSWERING, role })).rejects.toThrow(
      /Subject \(AWS::Lambda::Function\): .*trust policy/,
    );
  });

  test.each([
    { properties: { Runtime: 'nodejs22.x' }, problem: 'runtime nodejs22.x' },
    { properties: { ReservedConcurrentExecutions: 1 }, problem: 'ReservedConcurrentExecutions' },
    { properties: { LoggingConfig: { LogFormat: 'JSON' } }, problem: 'LogFormat' },
    { properties: { Timeout: 901 }, problem: 'Timeout: 901 is not between 1 and 900' },
    {
      properties: { Environment: { Variables: { AWS_REGION: 'x' } } },
      problem: 'AWS_REGION: this key is reserved by Lambda',
    },
    { properties: { Environment: { Variables: { LONG: 'x'.repeat(4096) } } }, problem: 'Lambda takes 4096' },
  ])(
    'with a property that Lambda or the stand-in lacks is refused at deploy: $problem',
    async ({ properties, problem }) => {
      await expect(deploy({ code: ANSWERING, properties })).rejects.toThrow(problem);
    },
  );

  test.each([
    ['RequestResponse', 6 * 1024 * 1024],
    ['Event', 1024 * 1024],
  ] as const)('is invoked by %s with no more than its largest payload', async (InvocationType, most) => {
    await deploy({ code: ANSWERING });
    const Payload = Buffer.from(JSON.stringify('x'.repeat(most)));
    await expect(invoke(undefined, { InvocationType, Payload })).rejects.toMatchObject({
      name: 'RequestTooLargeException',
    });
  });

  test('accepts only JSON, and one that does not exist is an error', async () => {
    await deploy({ code: ANSWERING });
    await expect(invoke(undefined, { Payload: Buffer.from('{') })).rejects.toMatchObject({
      name: 'InvalidRequestContentException',
    });
    await expect(invoke({}, { FunctionName: 'nobody' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(invoke({}, { Qualifier: 'live' })).rejects.toMatchObject({ name: 'NotImplemented' });
  });
});

describe('an asynchronous event', () => {
  const FAILING = `exports.handler = async event => { console.log('try ' + event.n); throw new TypeError('never') }`;
  const withQueue = {
    code: FAILING,
    properties: { DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
    resources: { Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'dead' } } },
  };

  test('that fails is tried twice more, and then sent to the dead letter queue', async () => {
    await deploy({ ...withQueue, role: { Policies: inline(...logging, 'sqs:SendMessage') } });
    const { StatusCode, $metadata } = await invoke({ n: 7 }, { InvocationType: 'Event' });
    expect(StatusCode).toBe(202);
    const messages = await vi.waitFor(async () => {
      const found = await received('dead');
      expect(found).toHaveLength(1);
      return found;
    }, 20_000);
    expect(await lines(undefined, '"try 7"')).toHaveLength(3);
    expect(messages[0].Body).toBe('{"n":7}');
    expect(messages[0].MessageAttributes).toMatchObject({
      RequestID: { StringValue: $metadata.requestId },
      ErrorMessage: { StringValue: 'never' },
    });
  });

  test.each([
    [undefined, [60_000, 120_000]],
    [60, [1_000, 2_000]],
  ])('with the pace %s is retried after %s ms', async (pace, delays) => {
    await cloud.stop();
    cloud = await startCloud({ directory, services: [lambda, logs, sqs], pace });
    await deploy({ code: FAILING });
    await invoke({ n: 7 }, { InvocationType: 'Event' });
    const row = () => cloud.database.prepare('SELECT attempts, due FROM lambda_asynchronous').get() as any;
    for (const [failed, delay] of delays.entries()) {
      await vi.waitFor(() => expect(row()?.attempts).toBe(failed + 1), 20_000);
      expect(row().due - Date.now()).toBeGreaterThan(delay - 900);
      expect(row().due - Date.now()).toBeLessThanOrEqual(delay);
      // The test does not wait for minutes.
      if (delay > 10_000) return;
    }
  });

  const configured = (properties: object) => ({
    ...withQueue,
    role: { Policies: inline(...logging, 'sqs:SendMessage') },
    resources: {
      ...withQueue.resources,
      Once: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: { Ref: 'Subject' }, Qualifier: '$LATEST', ...properties },
      },
    },
  });

  test.each([{ MaximumRetryAttempts: 0 }, { MaximumEventAgeInSeconds: 60 }])(
    'is given up at the end of its own limit: %o',
    async limit => {
      await cloud.stop();
      // Without a pace, the first retry comes after 60 s, which is too late for this age.
      cloud = await startCloud({ directory, services: [lambda, logs, sqs] });
      await deploy(configured(limit));
      await invoke({ n: 7 }, { InvocationType: 'Event' });
      await vi.waitFor(async () => expect(await received('dead')).toHaveLength(1), 20_000);
      expect(await lines(undefined, '"try 7"')).toHaveLength(1);
    },
  );

  test('with a destination is refused at deploy', async () => {
    const OnFailure = { Destination: 'arn:aws:sqs:us-east-1:000000000000:dead' };
    await expect(deploy(configured({ DestinationConfig: { OnFailure } }))).rejects.toThrow('DestinationConfig');
  });

  test('is lost if the role may not send to the queue, and the log says so', async () => {
    await deploy(withQueue);
    await invoke({ n: 9 }, { InvocationType: 'Event' });
    await vi.waitFor(async () => {
      expect(await readFile(path.join(directory, 'cloud.log'), 'utf8')).toMatch(
        /could not send to .*dead: .*sqs:SendMessage.*the event is lost/,
      );
    }, 20_000);
    expect(await received('dead')).toEqual([]);
  });

  test('is lost after three tries without a queue, and the log says so', async () => {
    await deploy({ code: FAILING });
    const { StatusCode, $metadata } = await invoke({ n: 7 }, { InvocationType: 'Event' });
    expect(StatusCode).toBe(202);
    await vi.waitFor(async () => {
      expect(await readFile(path.join(directory, 'cloud.log'), 'utf8')).toContain(
        `subject ${$metadata.requestId} failed 3 times; the event is lost`,
      );
    }, 20_000);
    expect(await lines(undefined, '"try 7"')).toHaveLength(3);
  });

  test('is run again after the stand-in was killed with it, and no process is left from before', async () => {
    const done = path.join(directory, 'done');
    await synthesise({
      // The first run loops without a pause, so no message could end it. The second run finds the
      // mark of the first.
      code: `const fs = require('fs'); exports.handler = async event => {
        const first = !fs.existsSync('${done}');
        fs.appendFileSync('${done}', event.n + ' ' + process.pid + '\\n');
        while (first);
      }`,
      properties: { Timeout: 60 },
    });
    const module = (name: string) => JSON.stringify(path.resolve(import.meta.dirname, '../src', name));
    const script = path.join(directory, 'stand-in.mjs');
    await writeFile(
      script,
      `import { startCloud } from ${module('cloud.ts')}; import { lambda } from ${module('lambda/lambda.ts')}; import { logs } from ${module('logs/logs.ts')};
       const [directory] = process.argv.slice(2);
       const cloud = await startCloud({ directory: directory + '/run', services: [lambda, logs] });
       await cloud.loadTemplate({ cdkOut: directory, stackName: 'shop', parameters: {} });
       if (process.argv[3]) await cloud.request(cloud.iam.root(), 'lambda', 'Invoke', { FunctionName: 'subject', InvocationType: 'Event', Payload: Buffer.from('{"n":10}') });
       process.stdin.on('end', () => cloud.stop()).resume();`,
    );
    const start = (...more: string[]) =>
      spawn(process.execPath, [script, directory, ...more], { stdio: ['pipe', 'inherit', 'inherit'] });
    const runs = (count: number) =>
      vi.waitFor(async () => {
        const text = await readFile(done, 'utf8');
        expect(text.trim().split('\n')).toHaveLength(count);
        return text
          .trim()
          .split('\n')
          .map(line => line.split(' '));
      }, 30_000);

    const killed = start('with an event');
    const [[, pid]] = (await runs(1)) as [string[]];
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), 5000);

    const back = start();
    expect((await runs(2)).map(([event]) => event)).toEqual(['10', '10']);
    await wait(300);
    back.stdin!.end();
    expect(await once(back, 'exit')).toEqual([0, null]);
  }, 60_000);
});

describe('the output of a function', () => {
  test("stands in the log between Lambda's own lines, one line for each call of console", async () => {
    await deploy({
      code: `exports.handler = async () => { console.log('one %s', 1); console.warn('two\\nlines'); process.stdout.write('bare') }`,
    });
    const { $metadata, LogResult } = await invoke({}, { LogType: 'Tail' });
    const id = $metadata.requestId;
    const printed = await lines();
    expect(printed).toEqual([
      `START RequestId: ${id} Version: $LATEST`,
      expect.stringMatching(new RegExp(`^\\d{4}-\\S+Z\\t${id}\\tINFO\\tone 1$`)),
      expect.stringMatching(new RegExp(`^\\d{4}-\\S+Z\\t${id}\\tWARN\\ttwo\\nlines$`)),
      'bare',
      `END RequestId: ${id}`,
      expect.stringMatching(
        new RegExp(
          `^REPORT RequestId: ${id}\\tDuration: [\\d.]+ ms\\tBilled Duration: \\d+ ms\\tMemory Size: 128 MB\\tMax Memory Used: \\d+ MB\\tInit Duration: [\\d.]+ ms$`,
        ),
      ),
    ]);
    expect(Buffer.from(LogResult!, 'base64').toString()).toBe(printed.map(line => `${line}\n`).join(''));
  });

  test('stands in the group that the function names', async () => {
    await deploy({
      code: `exports.handler = async () => console.log('here')`,
      properties: { LoggingConfig: { LogGroup: { Ref: 'Group' } } },
      resources: { Group: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: 'mine', RetentionInDays: 7 } } },
    });
    await invoke();
    expect(await lines('mine', 'here')).toHaveLength(1);
  });

  test('is lost if the role may not write it, as on AWS, and the function runs all the same', async () => {
    await deploy({ code: `exports.handler = async () => console.log('into the void')`, role: { Policies: [] } });
    expect((await invoke()).StatusCode).toBe(200);
    await expect(lines()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  test('can be searched for words', async () => {
    await deploy({
      code: `exports.handler = async () => { console.log('order a is ready'); console.log('order b waits') }`,
    });
    await invoke();
    expect(await lines(undefined, 'order "is ready"')).toEqual([expect.stringContaining('order a is ready')]);
    await expect(lines(undefined, '{ $.level = "ERROR" }')).rejects.toMatchObject({ name: 'NotImplemented' });
  });
});

test('functions are listed with their configuration', async () => {
  await deploy({ code: ANSWERING, properties: { MemorySize: 512, Architectures: ['arm64'] } });
  const { Functions } = await new LambdaClient(client()).send(new ListFunctionsCommand());
  expect(Functions).toEqual([
    expect.objectContaining({
      FunctionName: 'subject',
      MemorySize: 512,
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
    }),
  ]);
});

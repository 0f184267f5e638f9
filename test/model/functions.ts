/** Step Functions in the model: the product's own definitions, in the stand-in's interpreter. */
import { readFileSync } from 'node:fs';
import { parseDefinition } from '../../packages/aws-stand-in/src/states/asl/definition.ts';
import type { Host, TaskRequest } from '../../packages/aws-stand-in/src/states/asl/host.ts';
import { execute } from '../../packages/aws-stand-in/src/states/asl/interpreter.ts';
import { StateError } from '../../packages/aws-stand-in/src/states/asl/state-error.ts';
import type { Executions } from '../../core/ports/executions.ts';
import { isSealpostError } from '../../core/errors.ts';
import { endNames } from '../../core/ended.ts';
import { Denied, Killed, type Clockwork } from './clockwork.ts';

export type MachineName = 'secure-domain' | 'deliver-to-server' | 'register-server';

const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:';

function definitionOf(machine: MachineName) {
  const text = readFileSync(new URL(`../../statemachines/${machine}.asl.json`, import.meta.url), 'utf8');
  return parseDefinition(
    text.replace(/\$\{(\w+)\}/g, (_, name: string) =>
      name === 'Bus' ? 'sealpost' : name === 'Partition' ? 'aws' : `${FUNCTION}${name}`,
    ),
  );
}

const definitions = {
  'secure-domain': definitionOf('secure-domain'),
  'deliver-to-server': definitionOf('deliver-to-server'),
  'register-server': definitionOf('register-server'),
};

interface Execution {
  name: string;
  stop: AbortController;
  state?: string;
}

export class StepFunctions implements Executions {
  /** Executions that run. */
  readonly running = new Map<string, Execution>();
  /** Every state that was entered. */
  readonly entered: string[] = [];
  /** Executions that failed, by the error's name: each pages a person. */
  readonly failed: string[] = [];
  /** Errors that nobody foresaw. */
  readonly unforeseen: string[] = [];
  readonly #names = new Set<string>();
  readonly #tokens = new Map<string, (output: unknown) => void>();
  readonly #clockwork: Clockwork;
  readonly #invoke: (name: string, input: unknown) => Promise<unknown>;
  #count = 0;

  constructor(clockwork: Clockwork, { invoke }: { invoke(name: string, input: unknown): Promise<unknown> }) {
    this.#clockwork = clockwork;
    this.#invoke = invoke;
  }

  /** Step Functions keeps a name for 90 days, whatever became of its execution. */
  async start(machine: MachineName, name: string, input: unknown): Promise<void> {
    requireNoKey(input);
    if (this.#names.has(`${machine} ${name}`)) return;
    this.#names.add(`${machine} ${name}`);
    const stop = new AbortController();
    const execution: Execution = { name, stop };
    this.running.set(name, execution);
    const context = {
      Execution: {
        ...{ Id: `arn:${name}`, Name: name, Input: input, RoleArn: 'arn:role', RedriveCount: 0 },
        StartTime: new Date(this.#clockwork.time).toISOString(),
      },
      StateMachine: { Id: `arn:${machine}`, Name: machine },
    };
    const run = { definition: definitions[machine], context, host: this.#host(execution), signal: stop.signal };
    execute(run)
      .catch(error => {
        if (error instanceof StateError) this.failed.push(String(error.error));
        else if (!stop.signal.aborted) this.unforeseen.push(String(error));
      })
      .finally(() => this.running.delete(name));
  }

  async succeed(token: string, output: unknown): Promise<void> {
    this.#tokens.get(token)?.(output);
    this.#tokens.delete(token);
  }

  /** A person stops an execution, or it dies by itself. What it has invoked runs on. */
  kill(place: number): string | undefined {
    const [...all] = this.running.values();
    const one = all[place % all.length];
    one?.stop.abort(new Error('stopped'));
    return one && `${one.name} in ${one.state}`;
  }

  /** A person stops the first execution that is in that state. */
  killIn(state: string): void {
    const one = [...this.running.values()].find(execution => execution.state === state);
    one?.stop.abort(new Error('stopped'));
  }

  #host(execution: Execution): Host {
    const clockwork = this.#clockwork;
    return {
      now: () => clockwork.time,
      random: () => 0.5,
      newToken: () => `token-${++this.#count}`,
      save: visit => void (execution.state = visit.state),
      record: (type, details) => {
        if (type.endsWith('StateEntered')) this.entered.push(nameIn(details));
        return ++this.#count;
      },
      sleepUntil: (at, signal) =>
        new Promise((resolve, reject) => {
          if (signal.aborted) return reject(signal.reason);
          const cancel = clockwork.at(at, resolve);
          signal.addEventListener('abort', () => (cancel(), reject(signal.reason)));
        }),
      task: request => this.#task(request),
    };
  }

  async #task({ resource, arguments: given, token, submitted, onSubmitted, signal }: TaskRequest): Promise<unknown> {
    if (resource.endsWith('events:putEvents')) return { FailedEntryCount: 0, Entries: [] };
    const stopped = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    if (token === undefined) return Promise.race([this.#called(resource, given), stopped]);
    const answered = new Promise(resolve => this.#tokens.set(token, resolve));
    const { FunctionName: name, Payload: payload } = given as { FunctionName: string; Payload: unknown };
    if (!submitted) {
      // The token may come back before the function has answered.
      const first = await Promise.race([this.#called(name, payload).then(() => undefined), answered, stopped]);
      if (first !== undefined) return first;
      onSubmitted();
    }
    return Promise.race([answered, stopped]);
  }

  async #called(resource: string, input: unknown): Promise<unknown> {
    try {
      return requireNoKey(await this.#invoke(resource.replace(FUNCTION, ''), requireNoKey(input)));
    } catch (error) {
      const { name, message, stack } = error as Error;
      if (error instanceof Killed) throw new StateError('Sandbox.Timedout', JSON.stringify({ errorMessage: message }));
      const isForeseen = isSealpostError(error) || isMoment(error) || error instanceof Denied;
      if (!isForeseen && !(endNames as readonly string[]).includes(name)) this.unforeseen.push(`${resource}: ${stack}`);
      throw new StateError(name, JSON.stringify({ errorType: name, errorMessage: message }));
    }
  }
}

const nameIn = (details: object) =>
  (details as { stateEnteredEventDetails: { name: string } }).stateEnteredEventDetails.name;

/** statemachines/failure.ts makes another error of one with a moment. */
const isMoment = (error: unknown) => isSealpostError((error as Error).cause);

/** @throws Error for a private key in what Step Functions stores */
function requireNoKey<T>(value: T): T {
  if (JSON.stringify(value)?.includes('PRIVATE KEY')) throw new Error('a private key is in an execution');
  return value;
}

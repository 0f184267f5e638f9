/**
 * One process of a function, and Lambda's Runtime API for it on a loopback port of its own. The
 * process asks for an invocation and answers it, one at a time, as in one of Lambda's execution
 * environments.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { InvocationLog } from './invocation-log.ts';

export interface ProcessSettings {
  arn: string;
  memoryMb: number;
  timeoutMs: number;
  taskRoot: string;
  compileCache: string;
  /** The function's whole environment, apart from the Runtime API's address. */
  environment: Record<string, string>;
  log: InvocationLog;
}

export interface Invocation {
  requestId: string;
  /** JSON. */
  payload: string;
}

export interface Outcome {
  /** JSON: the result, or `{ errorType, errorMessage, trace }`. */
  payload: string;
  functionError?: 'Unhandled';
  /** The invocation's lines, as `LogType: Tail` returns them. */
  tail: string;
}

export interface ProcessEvents {
  onIdle(): void;
  /** The process has ended. `startFailure` is set if the process never asked for an invocation. */
  onEnd(startFailure: Outcome | undefined): void;
}

/** Lambda's limit of a synchronous response in bytes. */
const MAX_RESPONSE = 6_291_556;
/** Lambda gives a start 10 s of two full cores. Here all functions share the machine's cores. */
const START_LIMIT_MS = 30_000;
const BOOTSTRAP = fileURLToPath(new URL('bootstrap.mjs', import.meta.url));
const PREFIX = '/2018-06-01/runtime/';

interface Current {
  requestId: string;
  began: number;
  timer: NodeJS.Timeout;
  resolve(outcome: Outcome): void;
}

export class FunctionProcess {
  readonly ended: Promise<void>;
  /** Resolves when the process has asked for an invocation, or has ended. */
  readonly settled: Promise<void>;
  /** When the process became idle, in milliseconds of its own clock. */
  idleSince = 0;
  started = false;
  /** The process gets no further invocation, because its code or its settings are old. */
  retired = false;
  private readonly settings: ProcessSettings;
  private readonly events: ProcessEvents;
  private readonly api = http.createServer((request, response) => {
    // A killed process breaks off its request. Its end is handled elsewhere.
    this.answer(request, response).catch(() => response.destroy());
  });
  private child: ChildProcess | undefined;
  private waiting: ServerResponse | undefined;
  private current: Current | undefined;
  /** Of the function's process alone: every user of the machine reaches the port. */
  private readonly secret = randomBytes(16).toString('hex');
  private startError: string | undefined;
  private startedAfterMs: number | undefined;
  private readonly born = performance.now();
  private readonly startTimer: NodeJS.Timeout;
  private killed = false;
  private timedOut = false;
  private settle = () => {};

  constructor(settings: ProcessSettings, events: ProcessEvents) {
    this.settings = settings;
    this.events = events;
    this.startTimer = setTimeout(() => {
      this.startError = failure(
        'Sandbox.Timedout',
        `Error: the function did not start within ${START_LIMIT_MS / 1000} seconds`,
      );
      this.child?.kill('SIGKILL');
    }, START_LIMIT_MS);
    this.settled = new Promise(resolve => (this.settle = resolve));
    this.ended = this.run().finally(this.settle);
  }

  get idle(): boolean {
    return this.waiting !== undefined && !this.retired;
  }

  /**
   * Runs one invocation; call it only while `idle`. Always resolves: a failure inside the function
   * is an outcome.
   */
  invoke({ requestId, payload }: Invocation): Promise<Outcome> {
    const { timeoutMs, arn } = this.settings;
    const response = this.waiting!;
    this.waiting = undefined;
    this.settings.log.begin(requestId);
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        this.timedOut = true;
        this.child?.kill('SIGKILL');
      }, timeoutMs);
      this.current = { requestId, began: performance.now(), timer, resolve };
      response.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': requestId,
        // The function compares this with its own clock, which is the machine's, even if the
        // stand-in's clock is set.
        'lambda-runtime-deadline-ms': Date.now() + timeoutMs,
        'lambda-runtime-invoked-function-arn': arn,
        'lambda-runtime-trace-id': `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')};Sampled=0`,
      });
      response.end(payload);
    });
  }

  /** Ends the process: at once if it is idle, else after its invocation. */
  retire(): void {
    this.retired = true;
    if (!this.current) this.kill();
  }

  kill(): void {
    this.killed = true;
    this.child?.kill('SIGKILL');
  }

  private async run(): Promise<void> {
    this.api.keepAliveTimeout = 0; // closing an idle connection would race with the next request on it
    this.api.listen(0, '127.0.0.1');
    await once(this.api, 'listening');
    const { memoryMb, environment, taskRoot, compileCache, log } = this.settings;
    if (!this.killed) {
      const { port } = this.api.address() as AddressInfo;
      // 90 % of the memory is for the heap, as in Lambda's own runtime. The kernel ends the process
      // together with the stand-in, because a function that loops would not notice a request to
      // end.
      const runtime = [process.execPath, `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`, BOOTSTRAP, compileCache];
      this.child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', '--', ...runtime], {
        cwd: taskRoot,
        env: { ...environment, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`, STAND_IN_SECRET: this.secret },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      this.child.stdout!.on('data', data => log.printed('stdout', data));
      this.child.stderr!.on('data', data => log.printed('stderr', data));
      this.child.on('error', error => (this.startError ??= failure('Runtime.ExitError', error.message)));
      const [code, signal] = await new Promise<[number | null, string | null]>(resolve =>
        this.child!.once('close', (...end) => resolve(end)),
      );
      this.end(code, signal);
    }
    clearTimeout(this.startTimer);
    this.api.closeAllConnections();
    this.api.close();
    this.events.onEnd(this.started || this.killed ? undefined : this.startOutcome());
  }

  /** The process has ended. If it had an invocation, this is the invocation's failure. */
  private end(code: number | null, signal: string | null): void {
    this.waiting = undefined;
    const reason = signal ? `signal: ${signal.slice(3).toLowerCase()}` : `exit status ${code}`;
    if (this.current) {
      const { requestId } = this.current;
      const { timeoutMs } = this.settings;
      if (this.timedOut) {
        const message = `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
        this.settings.log.note(`${new Date().toISOString()} ${requestId} ${message}`);
        this.finish(failure('Sandbox.Timedout', `RequestId: ${requestId} Error: ${message}`), 'timeout');
      } else {
        const message =
          code === 0 ? 'Runtime exited without providing a reason' : `Runtime exited with error: ${reason}`;
        this.finish(failure('Runtime.ExitError', `RequestId: ${requestId} Error: ${message}`), 'failure');
      }
    } else if (!this.started) {
      this.startError ??= failure('Runtime.ExitError', `Error: Runtime exited with error: ${reason}`);
    }
    this.settings.log.flush();
  }

  private startOutcome(): Outcome {
    return { payload: this.startError!, functionError: 'Unhandled', tail: this.settings.log.tail() };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const resource = `${request.method} ${request.url?.startsWith(PREFIX) ? request.url.slice(PREFIX.length) : request.url}`;
    const accept = (status: number) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"status":"OK"}\n');

    if (request.headers['stand-in-secret'] !== this.secret) return void accept(403);
    if (resource === 'GET invocation/next') return this.becomeIdle(response);
    if (resource === 'POST init/error') {
      this.startError = body.toString();
      return void accept(202);
    }
    const [, requestId, kind] = /^POST invocation\/([^/]+)\/(response|error)$/.exec(resource) ?? [];
    if (!kind) return void accept(404);
    if (requestId !== this.current?.requestId) return void accept(400);
    // The function's output is in the pipe before its answer, so it is read in this turn of the
    // event loop.
    await new Promise(setImmediate);
    const size = body.length;
    const tooLarge = `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE} bytes).`;
    if (kind === 'response' && size > MAX_RESPONSE)
      this.finish(failure('Function.ResponseSizeTooLarge', tooLarge), 'error');
    else this.finish(body.toString(), kind === 'error' ? 'error' : 'success');
    accept(202);
  }

  private becomeIdle(response: ServerResponse): void {
    if (!this.started) {
      this.started = true;
      this.startedAfterMs = performance.now() - this.born;
      clearTimeout(this.startTimer);
      this.settle();
    }
    this.waiting = response;
    this.idleSince = performance.now();
    if (this.retired) this.kill();
    else this.events.onIdle();
  }

  private finish(payload: string, status: 'success' | 'error' | 'failure' | 'timeout'): void {
    const { requestId, began, timer, resolve } = this.current!;
    this.current = undefined;
    clearTimeout(timer);
    const { log, memoryMb } = this.settings;
    log.end(requestId, {
      status,
      durationMs: performance.now() - began,
      memoryMb,
      usedMb: this.peakMemory(),
      startMs: this.startedAfterMs,
    });
    this.startedAfterMs = undefined;
    resolve({ payload, functionError: status === 'success' ? undefined : 'Unhandled', tail: log.tail() });
  }

  private peakMemory(): number {
    try {
      const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child!.pid}/status`, 'utf8')) ?? [];
      return Math.ceil(Number(kilobytes ?? 0) / 1024);
    } catch {
      return 0;
    }
  }
}

function failure(errorType: string, errorMessage: string): string {
  return JSON.stringify({ errorType, errorMessage });
}

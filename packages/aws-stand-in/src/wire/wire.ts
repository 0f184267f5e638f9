/**
 * One HTTP server on 127.0.0.1 for all services. It identifies the caller, finds the operation, and
 * answers in the caller's protocol.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Answer, Message } from './message.ts';
import { Protocol, type Route } from './protocol.ts';
import { AwsError, noFaults, type Call, type Caller, type Faults, type Iam, type Service } from '../service/service.ts';
import { SentMembers } from './sent-members.ts';
import { claimOf, unframe, verifySignature } from './signature.ts';

export interface WireOptions {
  region: string;
  iam: Iam & { caller(accessKeyId: string): { caller: Caller; secretAccessKey: string } | undefined };
  log(line: string): void;
  /** The file to which `SentMembers` appends. */
  sentFile?: string;
  faults?: Faults;
}

export class Wire {
  readonly #options: WireOptions;
  readonly #protocols = new Map<string, Protocol>();
  readonly #server: Server;
  readonly #sent?: SentMembers;

  constructor(options: WireOptions) {
    this.#options = options;
    if (options.sentFile !== undefined) this.#sent = new SentMembers(options.sentFile);
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(error => {
        options.log(`no answer could be written: ${(error as Error).stack}`);
        response.destroy();
      });
    });
    // The SDK keeps its sockets for a minute and more. If the server closed a socket first, the
    // client's next request would fail.
    this.#server.keepAliveTimeout = 120_000;
    this.#server.requestTimeout = 0;
  }

  add(service: Service): void {
    this.#protocols.set(service.name, new Protocol(service, this.#options.region));
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /**
   * Answers the requests that are under way, for at most `graceMs`, and then cuts the connections.
   */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
  }

  /** Runs one operation for a service that calls another. */
  request(caller: Caller, service: string, operation: string, input: any): Promise<any> {
    const schema = this.#protocols.get(service)?.schema(operation);
    if (schema && caller.roleArn !== undefined) this.#sent?.add({ sender: 'role', service, schema, input });
    return this.call(caller, service, operation, input);
  }

  /**
   * Runs one operation with its authorization, for a request from outside or for a service that
   * calls another.
   * @throws AwsError of the operation; NotImplemented (501) for an operation that is not done here;
   *   an Error (500) if an operation succeeded without a check of its caller's rights, because no
   *   test of IAM would see that hole. The same for an error that AWS's model of the
   *   operation does not have: a caller would handle what AWS never answers
   */
  async call(
    caller: Caller,
    service: string,
    operation: string,
    input: any,
    requestId = randomUUID() as string,
  ): Promise<any> {
    const protocol = this.#protocols.get(service);
    const run = protocol?.service.operations[operation];
    if (!protocol || !run)
      throw new AwsError('NotImplemented', `${service}:${operation} is not part of the stand-in`, {
        status: 501,
      });
    protocol.checkRequired(operation, input);
    protocol.checkLimits(operation, input);
    let asked = false;
    const call: Call = {
      caller,
      requestId,
      authorize: (action, resource, context) => {
        asked = true;
        this.#options.iam.authorize(caller, action, resource, context);
      },
    };
    let output: unknown;
    try {
      output = await run(input, call);
    } catch (error) {
      if (error instanceof AwsError) protocol.checkDeclared(operation, error);
      throw error;
    }
    if (!asked) throw new Error(`${service}:${operation} did not ask for authorization`);
    return output;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const requestId = randomUUID();
    let message: Message | undefined;
    let protocol: Protocol | undefined;
    let route: Route | undefined;
    let who = '-';
    let answer: Answer;
    let outcome = '';
    try {
      message = await readMessage(request);
      const claim = claimOf(message);
      protocol = this.#protocols.get(claim.service);
      if (!protocol)
        throw new AwsError('NotImplemented', `${claim.service} is not part of the stand-in`, { status: 501 });
      const known = this.#options.iam.caller(claim.accessKeyId);
      if (!known)
        throw new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid.', {
          status: 403,
        });
      await verifySignature(message, claim, known.secretAccessKey);
      who = known.caller.arn;
      message = unframe(message);
      route = protocol.route(message);
      const input = await protocol.read(route, message);
      const sender = / app\/(\S+)/.exec(message.headers['user-agent'] ?? '')?.[1] ?? '-';
      this.#sent?.add({ sender, service: claim.service, schema: route.schema, input });
      const { faults = noFaults } = this.#options;
      const { operation } = route;
      const fate = faults.ofRequest({ caller: known.caller, service: claim.service, operation, input });
      const output = await this.call(known.caller, claim.service, operation, input, requestId);
      if (fate === 'lost') return void request.socket.destroy();
      answer = protocol.write(route, output, requestId);
    } catch (thrown) {
      const error =
        thrown instanceof AwsError
          ? thrown
          : new AwsError('InternalFailure', (thrown as Error).message, { status: 500 });
      outcome = ` ${error.code}: ${error.message}`;
      if (!(thrown instanceof AwsError)) outcome += ` ${(thrown as Error).stack}`;
      answer = protocol && message ? protocol.writeError(message, error, requestId) : plainError(error, requestId);
    }
    const name = `${protocol?.service.name ?? '-'}:${route?.operation ?? `${request.method} ${message?.path ?? ''}`}`;
    // Bodies contain keys, so the log says which operation was called, and never its data.
    this.#options.log(`${name} ${answer.status} ${(performance.now() - started).toFixed(1)}ms ${who}${outcome}`);
    const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
    response.writeHead(answer.status, {
      ...answer.headers,
      // HEAD answers with the length that GET would have.
      'content-length': (request.method === 'HEAD' && answer.headers['content-length']) || body.byteLength,
      'x-amzn-requestid': requestId,
      'x-amz-request-id': requestId,
    });
    response.end(request.method === 'HEAD' || answer.status === 304 ? undefined : body);
  }
}

/**
 * The form of an error for a caller whose service, and therefore protocol, is unknown. All clients
 * find a code in it.
 */
function plainError(error: AwsError, requestId: string): Answer {
  const body = JSON.stringify({ __type: error.code, message: error.message, RequestId: requestId });
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
    body,
  };
}

async function readMessage(request: IncomingMessage): Promise<Message> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const query: Record<string, string[]> = Object.create(null);
  try {
    for (const pair of search.split('&').filter(Boolean)) {
      const [name = '', value = ''] = pair.split(/=(.*)/s).map(decodeURIComponent);
      (query[name] ??= []).push(value);
    }
    decodeURIComponent(path);
  } catch {
    throw new AwsError('InvalidURI', "Couldn't parse the specified URI.");
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(',') : (value ?? '');
  return { method: request.method ?? 'GET', path, query, headers, body: Buffer.concat(chunks) };
}

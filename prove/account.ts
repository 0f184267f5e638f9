/**
 * The only file of prove/ that makes clients of AWS, with the standard environment and profiles.
 * Each call and its answer are passed to a listener.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { patience } from '../aws/throttling.ts';

/** A call as a client sent it, and what came back. */
export interface Call {
  /** The client's name: `EventBridge`. */
  service: string;
  /** `PutEvents` */
  operation: string;
  /** The host that was asked; empty if no request was sent. */
  host: string;
  input: object;
  output?: object;
  error?: { name: string; message: string };
}

/** Options of every client beside the standard environment. */
export interface Access {
  region?: string;
  profile?: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  maxAttempts?: number;
}

export type Account = ReturnType<typeof account>;

/** A function that a person invokes answers when its work is done, in milliseconds. */
const LATE_MS = 130_000;

export function account(access: Access, hear: (call: Call) => void) {
  const shared = { ...patience, ...access };
  const late = { ...patience.requestHandler, requestTimeout: LATE_MS, socketTimeout: LATE_MS };
  const heard = <Client extends Listening>(client: Client): Client => listen(client, hear);
  return {
    events: heard(new EventBridgeClient(shared)),
    states: heard(new SFNClient(shared)),
    systemsManager: heard(new SSMClient(shared)),
    zones: heard(new Route53Client(shared)),
    functions: heard(new LambdaClient({ ...shared, requestHandler: late })),
    table: heard(new DynamoDBClient(shared)),
    iam: heard(new IAMClient(shared)),
    sts: heard(new STSClient(shared)),
  };
}

/** The part of a client that this file uses; the clients' own types differ in their commands. */
interface Listening {
  middlewareStack: { add(middleware: any, options: any): void };
}

interface Context {
  clientName?: string;
  commandName?: string;
}

function listen<Client extends Listening>(client: Client, hear: (call: Call) => void): Client {
  const hosts = new WeakMap<object, string>();
  client.middlewareStack.add(
    (next: (args: any) => Promise<any>, context: Context) => async (args: { input: object }) => {
      const call = {
        service: context.clientName?.replace(/Client$/, '') ?? '',
        operation: context.commandName?.replace(/Command$/, '') ?? '',
        input: args.input,
      };
      const host = () => hosts.get(context) ?? '';
      try {
        const result = await next(args);
        const { $metadata, ...output } = result.output;
        hear({ ...call, host: host(), output });
        return result;
      } catch (error) {
        const { name, message } = error as Error;
        hear({ ...call, host: host(), error: { name, message } });
        throw error;
      }
    },
    { step: 'initialize', name: 'heard', priority: 'high' },
  );
  client.middlewareStack.add(
    (next: (args: any) => Promise<any>, context: object) => (args: { request: { hostname?: string } }) => {
      hosts.set(context, args.request.hostname ?? '');
      return next(args);
    },
    { step: 'finalizeRequest', name: 'host', priority: 'low' },
  );
  return client;
}

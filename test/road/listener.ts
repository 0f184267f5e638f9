/**
 * A program of the provider that listens to sealpost's events: a stack of its own with a rule and a
 * queue.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Provider } from '../../local/provider/provider.ts';
import { until } from '../../local/provider/panel.ts';

export interface Fact {
  id: string;
  'detail-type': string;
  source: string;
  detail: Record<string, unknown>;
}

export interface Listener {
  /** All events that were received, in no promised order. */
  facts: Fact[];
  /** @returns the first event of this type whose detail has these members; waits 30 s for it */
  heard(detailType: string, members: Record<string, unknown>): Promise<Fact>;
  stop(): Promise<void>;
}

const STACK = 'listener';

function template(busName: string): object {
  const Arn = { 'Fn::GetAtt': ['Queue', 'Arn'] };
  const mayBeSentTo = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: Arn,
  };
  return {
    Resources: {
      Queue: { Type: 'AWS::SQS::Queue', Properties: {} },
      MayBeSentTo: {
        Type: 'AWS::SQS::QueuePolicy',
        Properties: {
          Queues: [{ Ref: 'Queue' }],
          PolicyDocument: { Version: '2012-10-17', Statement: [mayBeSentTo] },
        },
      },
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          EventBusName: busName,
          EventPattern: { source: ['sealpost'] },
          Targets: [{ Id: 'queue', Arn }],
        },
      },
    },
    Outputs: { Url: { Value: { Ref: 'Queue' } } },
  };
}

/** @param directory where the stack's template is written */
export async function listen(provider: Provider, directory: string): Promise<Listener> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${STACK}.template.json`), JSON.stringify(template(provider.stack.outputs.BusName!)));
  const { outputs } = await provider.cloud.loadTemplate({ cdkOut: directory, stackName: STACK, parameters: {} });
  const QueueUrl = outputs.Url!;
  const client = new SQSClient(provider.client());
  const facts: Fact[] = [];
  let on = true;
  const listening = (async () => {
    while (on) {
      const ask = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
      const { Messages = [] } = await client.send(new ReceiveMessageCommand(ask));
      for (const { Body, ReceiptHandle } of Messages) {
        const fact = JSON.parse(Body!) as Fact;
        // EventBridge may deliver an event twice.
        if (!facts.some(({ id }) => id === fact.id)) facts.push(fact);
        await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  })();
  listening.catch(() => {}); // stop() reports this error
  const isLike = (fact: Fact, members: Record<string, unknown>) =>
    Object.entries(members).every(([name, value]) => fact.detail[name] === value);
  return {
    facts,
    heard: (detailType, members) =>
      until(`${detailType} ${JSON.stringify(members)} on the bus`, 30, async () =>
        facts.find(fact => fact['detail-type'] === detailType && isLike(fact, members)),
      ),
    async stop() {
      on = false;
      await listening;
    },
  };
}

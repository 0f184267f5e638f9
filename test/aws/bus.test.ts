import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bus } from '../../aws/bus.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { everything, passingFaults } from '../faults/seed.ts';
import { memoryBus } from '../twins/executions.ts';
import type { Bus } from '../../core/ports/bus.ts';

type Fact = { detailType: string; detail: Record<string, unknown> };

let provider: Account;
let queueUrl: string;

/** A bus with a rule that sends each of our events to a queue. */
beforeAll(async () => {
  provider = await startAccount(['sqs', 'events'], {}, passingFaults);
  const queue = await provider.make('AWS::SQS::Queue', 'Queue', { QueueName: 'seen' });
  queueUrl = queue.ref;
  const Arn = queue.attributes!.Arn!;
  await provider.make('AWS::SQS::QueuePolicy', 'Policy', {
    Queues: [queueUrl],
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: Arn,
        },
      ],
    },
  });
  await provider.make('AWS::Events::EventBus', 'Bus', { Name: 'sealpost' });
  await provider.make('AWS::Events::Rule', 'Rule', {
    Name: 'all',
    EventBusName: 'sealpost',
    EventPattern: { source: ['sealpost'] },
    Targets: [{ Id: 'queue', Arn }],
  });
  await provider.cloud.resume();
});
afterAll(() => provider.stop());

async function received(count: number): Promise<Fact[]> {
  const client = provider.client(SQSClient);
  const all = new Map<string, Fact>();
  while (all.size < count) {
    const receive = { QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(receive));
    const envelopes = Messages.map(message => JSON.parse(message.Body!));
    // An event may come twice, and a call whose answer was lost is sent again with new events.
    for (const { 'detail-type': detailType, detail } of envelopes)
      all.set(JSON.stringify(detail), { detailType, detail });
  }
  return [...all.values()];
}

const memory = memoryBus();
describeBus('EventBridge', () => ({ bus: bus(provider.client(EventBridgeClient, everything), 'sealpost'), received }));
describeBus('its twin', () => ({ bus: memory, received: async () => memory.events }));

function describeBus(name: string, make: () => { bus: Bus; received(count: number): Promise<Fact[]> }): void {
  test(`events out reach the bus in ${name}, even more than fit into one call`, async () => {
    const under = make();
    const facts = Array.from({ length: 23 }, (_, i) => ({
      detailType: 'Certificate Removed' as const,
      detail: { domain: `d${String(i).padStart(2, '0')}.example`, server: 'mx1.provider.example' },
    }));
    await under.bus.put([]);
    await under.bus.put(facts);
    const seen = await under.received(23);
    expect(seen.sort((a, b) => ((a.detail.domain as string) < (b.detail.domain as string) ? -1 : 1))).toEqual(facts);
  });
}

describe('an event that the bus refuses', () => {
  test('is an error', async () => {
    // A bus that does not exist is no refusal: PutEvents takes such an event, and loses it.
    const forbidden = bus(provider.client(EventBridgeClient, []), 'sealpost');
    await expect(
      forbidden.put([{ detailType: 'Server Held', detail: { server: 'mx1.example', reason: '' } }]),
    ).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });
});

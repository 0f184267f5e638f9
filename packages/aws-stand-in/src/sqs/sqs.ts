/**
 * SQS as a place for dead letters: standard queues that are sent to, read and purged. Not here:
 * FIFO, redrive, batches, delays, event sources. A queue's KMS key is accepted, but bodies are not
 * encrypted: events carry no key material.
 */
import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import * as model from '@aws-sdk/client-sqs';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { AwsError, arn } from '../service/service.ts';
import type { Call, ResourceType, ServiceFactory } from '../service/service.ts';

interface Queue {
  name: string;
  created: number;
  /** Seconds. */
  visibility: number;
  retention: number;
  wait: number;
}

export const sqs: ServiceFactory = cloud => {
  const { database } = cloud;
  database.exec(`
    CREATE TABLE IF NOT EXISTS sqs_queues (name TEXT PRIMARY KEY, settings TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS sqs_messages (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
      sender TEXT NOT NULL, sent INTEGER NOT NULL, visible INTEGER NOT NULL, received INTEGER, count INTEGER NOT NULL DEFAULT 0,
      receipt TEXT);
    CREATE INDEX IF NOT EXISTS sqs_messages_by_queue ON sqs_messages (queue, seq);`);
  const arrivals = new EventEmitter().setMaxListeners(0);
  const stopped = new AbortController();

  const queueArn = (name: string) => arn(cloud, 'sqs', name);
  const queueUrl = (name: string) => `${cloud.endpoint}/${cloud.account}/${name}`;

  /**
   * Authorizes before it says whether the queue exists. The host of a queue's URL is ignored,
   * because the port differs in each run.
   */
  function open(call: Call, action: string, urlOrName: string): Queue {
    const name = urlOrName.slice(urlOrName.lastIndexOf('/') + 1);
    call.authorize(`sqs:${action}`, queueArn(name));
    const row = database.prepare('SELECT settings FROM sqs_queues WHERE name = ?').get(name);
    if (!row) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    const queue: Queue = JSON.parse(row.settings as string);
    database
      .prepare('DELETE FROM sqs_messages WHERE queue = ? AND sent < ?')
      .run(name, cloud.now() - queue.retention * 1000);
    return queue;
  }

  function sendMessage(input: any, call: Call) {
    refuseOthers('sqs:SendMessage', input, ['QueueUrl', 'MessageBody', 'MessageAttributes']);
    const queue = open(call, 'SendMessage', input.QueueUrl);
    // 1 MiB. Attributes are not counted here.
    if (Buffer.byteLength(input.MessageBody) > 1_048_576) {
      throw new AwsError(
        'InvalidParameterValue',
        'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
      );
    }
    const id = randomUUID();
    const now = cloud.now();
    database
      .prepare(
        'INSERT INTO sqs_messages (queue, id, body, attributes, sender, sent, visible) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        queue.name,
        id,
        input.MessageBody,
        JSON.stringify(input.MessageAttributes ?? {}),
        call.caller.userId,
        now,
        now,
      );
    arrivals.emit('arrival');
    return { MessageId: id, MD5OfMessageBody: md5(input.MessageBody) };
  }

  async function receiveMessage(input: any, call: Call) {
    refuseOthers('sqs:ReceiveMessage', input, [
      'QueueUrl',
      'MaxNumberOfMessages',
      'VisibilityTimeout',
      'WaitTimeSeconds',
      'AttributeNames',
      'MessageSystemAttributeNames',
      'MessageAttributeNames',
    ]);
    const queue = open(call, 'ReceiveMessage', input.QueueUrl);
    const until = cloud.now() + (input.WaitTimeSeconds ?? queue.wait) * 1000;
    let messages = take(queue, input);
    while (!messages.length && cloud.now() < until && !stopped.signal.aborted) {
      const next = database.prepare('SELECT min(visible) AS at FROM sqs_messages WHERE queue = ?').get(queue.name)!.at;
      const wake = Math.max(1, Math.min(until, Number(next ?? until)) - cloud.now());
      const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(wake)]);
      await once(arrivals, 'arrival', { signal }).catch(() => undefined);
      messages = take(queue, input);
    }
    return messages.length ? { Messages: messages } : {};
  }

  /** Takes visible messages and hides them for the visibility timeout. */
  function take(queue: Queue, input: any) {
    const now = cloud.now();
    const limit = input.MaxNumberOfMessages ?? 1;
    if (limit < 1 || limit > 10) {
      throw new AwsError(
        'InvalidParameterValue',
        `Value ${limit} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.`,
      );
    }
    const rows = database
      .prepare('SELECT * FROM sqs_messages WHERE queue = ? AND visible <= ? ORDER BY seq LIMIT ?')
      .all(queue.name, now, limit);
    const hide = database.prepare(
      'UPDATE sqs_messages SET visible = ?, receipt = ?, count = count + 1, received = coalesce(received, ?) WHERE seq = ?',
    );
    return rows.map(row => {
      const receipt = randomUUID();
      hide.run(now + (input.VisibilityTimeout ?? queue.visibility) * 1000, receipt, now, row.seq!);
      const system = {
        SenderId: String(row.sender),
        SentTimestamp: String(row.sent),
        ApproximateReceiveCount: String(Number(row.count) + 1),
        ApproximateFirstReceiveTimestamp: String(row.received ?? now),
      };
      const names = [...(input.MessageSystemAttributeNames ?? []), ...(input.AttributeNames ?? [])];
      const Attributes = chosen(system, names);
      const MessageAttributes = chosen(JSON.parse(String(row.attributes)), input.MessageAttributeNames ?? []);
      return {
        MessageId: row.id,
        ReceiptHandle: receipt,
        Body: row.body,
        MD5OfBody: md5(String(row.body)),
        ...(Attributes && { Attributes }),
        ...(MessageAttributes && { MessageAttributes }),
      };
    });
  }

  const queueType: ResourceType = ({ properties, stackName, logicalId }) => {
    refuseOthers('AWS::SQS::Queue', properties, [
      'QueueName',
      'MessageRetentionPeriod',
      'VisibilityTimeout',
      'ReceiveMessageWaitTimeSeconds',
      'Tags',
      'KmsMasterKeyId',
      'KmsDataKeyReusePeriodSeconds',
      'SqsManagedSseEnabled',
    ]);
    const name: string = properties.QueueName ?? `${stackName}-${logicalId}`;
    if (name.endsWith('.fifo')) refuse('AWS::SQS::Queue: a FIFO queue');
    const row = database.prepare('SELECT settings FROM sqs_queues WHERE name = ?').get(name);
    const queue: Queue = {
      name,
      created: row ? JSON.parse(String(row.settings)).created : cloud.now(),
      // The defaults of SQS: 30 seconds, 4 days, no long poll.
      visibility: Number(properties.VisibilityTimeout ?? 30),
      retention: Number(properties.MessageRetentionPeriod ?? 345_600),
      wait: Number(properties.ReceiveMessageWaitTimeSeconds ?? 0),
    };
    database.prepare('INSERT OR REPLACE INTO sqs_queues VALUES (?, ?)').run(name, JSON.stringify(queue));
    return { ref: queueUrl(name), attributes: { Arn: queueArn(name), QueueName: name, QueueUrl: queueUrl(name) } };
  };

  const queuePolicyType: ResourceType = ({ properties, stackName, logicalId }) => {
    refuseOthers('AWS::SQS::QueuePolicy', properties, ['Queues', 'PolicyDocument']);
    for (const url of properties.Queues) {
      const name = url.slice(url.lastIndexOf('/') + 1);
      cloud.iam.setResourcePolicy(queueArn(name), properties.PolicyDocument);
    }
    return { ref: `${stackName}-${logicalId}` };
  };

  return {
    name: 'sqs',
    model,
    client: 'SQSClient',
    operations: {
      SendMessage: sendMessage,
      ReceiveMessage: receiveMessage,
      DeleteMessage(input, call) {
        const queue = open(call, 'DeleteMessage', input.QueueUrl);
        database
          .prepare('DELETE FROM sqs_messages WHERE queue = ? AND receipt = ?')
          .run(queue.name, input.ReceiptHandle);
        return {};
      },
      GetQueueUrl(input, call) {
        refuseOthers('sqs:GetQueueUrl', input, ['QueueName', 'QueueOwnerAWSAccountId']);
        return { QueueUrl: queueUrl(open(call, 'GetQueueUrl', input.QueueName).name) };
      },
      PurgeQueue(input, call) {
        const queue = open(call, 'PurgeQueue', input.QueueUrl);
        database.prepare('DELETE FROM sqs_messages WHERE queue = ?').run(queue.name);
        return {};
      },
    },
    resources: { 'AWS::SQS::Queue': queueType, 'AWS::SQS::QueuePolicy': queuePolicyType },
    stop() {
      stopped.abort();
    },
  };
};

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** The members with these names (`All` and `.*` select all of them); undefined if there is none. */
function chosen<T>(all: Record<string, T>, names: string[]): Record<string, T> | undefined {
  const wanted = names.includes('All') || names.includes('.*') ? Object.keys(all) : names;
  const entries = Object.entries(all).filter(([name]) => wanted.includes(name));
  return entries.length ? Object.fromEntries(entries) : undefined;
}

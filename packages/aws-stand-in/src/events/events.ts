/**
 * EventBridge: buses, rules and PutEvents. Deliveries are stored before an event is acknowledged
 * and deleted after their target accepted them: at least once, in no guaranteed order.
 */
import { randomUUID } from 'node:crypto';
import * as model from '@aws-sdk/client-eventbridge';
import { arn, AwsError } from '../service/service.ts';
import type { Call, Cloud, Resource, ResourceRequest, Service } from '../service/service.ts';
import { compileEventPattern } from './pattern.ts';
import type { EventPattern } from './pattern.ts';
import { targetInput } from './input.ts';
import type { ServiceEvent } from './event.ts';
import { checkTarget, type Target } from './targets.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { eventDeliveries } from './deliveries.ts';

/** The largest PutEvents request in bytes (as of 2026-01). */
const maxRequestBytes = 1_048_576;
/** PutEvents: characters of a detail type, levels of a detail, and its integers (API reference). */
const maxDetailType = 128;
const maxLevels = 1_000;
const maxInteger = 2n ** 63n;
/** The largest policy of a bus in bytes (EventBridge quotas). */
const maxPolicyBytes = 10_240;

interface Rule {
  name: string;
  arn: string;
  bus: string;
  enabled: boolean;
  pattern: EventPattern;
  targets: Target[];
}

export interface EventsService extends Service {
  /** Puts an AWS service's own event (`aws.ssm`, `aws.states`, `aws.acm`) on the default bus. */
  publishServiceEvent(event: { source: string; 'detail-type': string; detail: object; resources?: string[] }): void;
}

export function events(cloud: Cloud): EventsService {
  const deliveries = eventDeliveries(cloud);
  const buses = new Set(['default']);
  const policies = new Map<string, object | undefined>();
  const rules = new Map<string, Rule>();

  const nameOf = (nameOrArn = 'default') => nameOrArn.replace(/^arn:.*:event-bus\//, '');
  function busName(nameOrArn: string | undefined): string {
    const name = nameOf(nameOrArn);
    if (!buses.has(name)) throw new AwsError('ResourceNotFoundException', `Event bus ${nameOrArn} does not exist.`);
    return name;
  }
  const busArn = (name: string) => arn(cloud, 'events', `event-bus/${name}`);

  /**
   * Stores one delivery for each target of each rule that matches. Nothing else of the event is
   * kept.
   */
  function accept(bus: string, event: ServiceEvent): void {
    const matching = [...rules.values()].filter(rule => rule.bus === bus && rule.enabled && rule.pattern(event));
    // All inputs are computed first, so that a refused input does not leave half of the deliveries
    // behind.
    const made = matching.flatMap(rule => rule.targets.map(target => ({ rule, target, input: target.input(event) })));
    for (const { rule, target, input } of made) deliveries.add(rule.arn, target, input, event);
  }

  function envelope(
    entry: Omit<ServiceEvent, 'version' | 'id' | 'account' | 'region' | 'time'>,
    time?: Date,
  ): ServiceEvent {
    return {
      version: '0',
      id: randomUUID(),
      'detail-type': entry['detail-type'],
      source: entry.source,
      account: cloud.account,
      time: (time ?? new Date(cloud.now())).toISOString().replace(/\.\d+Z$/, 'Z'),
      region: cloud.region,
      resources: entry.resources,
      detail: entry.detail,
    };
  }

  function putEvents(input: model.PutEventsCommandInput, call: Call): model.PutEventsCommandOutput {
    const entries = input.Entries ?? [];
    if (input.EndpointId !== undefined) refuse('PutEvents with EndpointId');
    const bytes = entries.reduce((sum, entry) => sum + Buffer.byteLength(JSON.stringify(entry)), 0);
    if (bytes > maxRequestBytes)
      throw new AwsError('ValidationException', 'Total size of the entries in the request is over the limit.');
    // One question for each bus, with the values of all its entries.
    for (const [bus, said] of Map.groupBy(entries, entry => nameOf(entry.EventBusName)))
      call.authorize('events:PutEvents', busArn(bus), {
        'events:source': said.map(({ Source = '' }) => Source),
        'events:detail-type': said.map(({ DetailType = '' }) => DetailType),
        'events:eventBusInvocation': 'false',
      });
    const results = entries.map(entry => putEntry(entry));
    deliveries.run();
    return {
      FailedEntryCount: results.filter(result => result.ErrorCode !== undefined).length,
      Entries: results,
    } as any;
  }

  function putEntry(entry: model.PutEventsRequestEntry): model.PutEventsResultEntry {
    for (const member of ['Source', 'DetailType', 'Detail'] as const)
      if (!entry[member])
        return {
          ErrorCode: 'InvalidArgument',
          ErrorMessage: `Parameter ${member} is not valid. Reason: ${member} is a required argument.`,
        };
    if (entry.DetailType!.length > maxDetailType)
      return {
        ErrorCode: 'InvalidArgument',
        ErrorMessage: `Parameter DetailType is not valid. Reason: it has more than ${maxDetailType} characters.`,
      };
    if (entry.Source!.startsWith('aws.'))
      return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
    const detail = parseObject(entry.Detail!);
    if (detail === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    const fields = {
      source: entry.Source!,
      'detail-type': entry.DetailType!,
      resources: entry.Resources ?? [],
      detail,
    };
    const event = envelope(fields, entry.Time);
    const bus = nameOf(entry.EventBusName);
    // As on AWS (https://github.com/aws/aws-cli/issues/9186): the event is taken, and lost.
    if (buses.has(bus)) accept(bus, event);
    else cloud.log(`WARNING: events: there is no bus ${bus}; as on AWS, the event ${event.id} is taken and lost`);
    return { EventId: event.id };
  }

  function makeBus({ properties }: ResourceRequest): Resource {
    refuseOthers('AWS::Events::EventBus', properties, ['Name', 'Description', 'Policy', 'Tags']);
    const { Name: name, Policy: policy } = properties;
    if (Buffer.byteLength(JSON.stringify(policy ?? '')) > maxPolicyBytes)
      throw new AwsError('PolicyLengthExceededException', `The policy of ${name} is over ${maxPolicyBytes} bytes.`);
    buses.add(name);
    policies.set(name, policy);
    cloud.iam.setResourcePolicy(busArn(name), policy);
    return { ref: name, attributes: { Name: name, Arn: busArn(name) } };
  }

  function makeRule({ properties, logicalId, stackName }: ResourceRequest): Resource {
    refuseOthers('AWS::Events::Rule', properties, [
      'Name',
      'Description',
      'EventBusName',
      'EventPattern',
      'State',
      'Targets',
      'Tags',
    ]);
    const bus = busName(properties.EventBusName);
    const name = properties.Name ?? `${stackName}-${logicalId}`;
    const ruleArn = arn(cloud, 'events', bus === 'default' ? `rule/${name}` : `rule/${bus}/${name}`);
    if (!['ENABLED', 'DISABLED'].includes(properties.State ?? 'ENABLED')) refuse(`State ${properties.State}`);
    rules.set(ruleArn, {
      name,
      arn: ruleArn,
      bus,
      enabled: properties.State !== 'DISABLED',
      pattern: compileEventPattern(properties.EventPattern),
      targets: (properties.Targets ?? []).map(parseTarget),
    });
    return { ref: bus === 'default' ? name : `${bus}|${name}`, attributes: { Arn: ruleArn } };
  }

  return {
    name: 'events',
    model,
    client: 'EventBridgeClient',
    operations: {
      PutEvents: putEvents,
      DescribeEventBus(input: model.DescribeEventBusCommandInput, call: Call) {
        const Name = nameOf(input.Name);
        call.authorize('events:DescribeEventBus', busArn(Name));
        const policy = policies.get(busName(Name));
        return { Name, Arn: busArn(Name), Policy: policy && JSON.stringify(policy) };
      },
    },
    resources: {
      'AWS::Events::EventBus': makeBus,
      'AWS::Events::Rule': makeRule,
    },
    publishServiceEvent(event) {
      accept('default', envelope({ ...event, resources: event.resources ?? [] }));
      deliveries.run();
    },
    start: () => deliveries.start(),
    stop: () => deliveries.stop(),
  };
}

function parseTarget(target: any): Target {
  refuseOthers('a rule target', target, [
    'Id',
    'Arn',
    'RoleArn',
    'Input',
    'InputPath',
    'InputTransformer',
    'DeadLetterConfig',
    'RetryPolicy',
  ]);
  const service = checkTarget(target.Arn, ['lambda', 'states', 'sqs', 'sns']);
  if ((service === 'states') !== (target.RoleArn !== undefined))
    refuse(`target ${target.Arn} ${target.RoleArn ? 'with' : 'without'} a RoleArn`);
  return {
    id: target.Id,
    arn: target.Arn,
    roleArn: target.RoleArn,
    deadLetterQueueArn: target.DeadLetterConfig?.Arn,
    retryPolicy: target.RetryPolicy,
    input: targetInput(target),
  };
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text, isInRange);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && levels(value) <= maxLevels ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @throws RangeError for an integer beyond 64 bits */
function isInRange(this: unknown, _: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (source === undefined || !/^-?\d+$/.test(source)) return value;
  const integer = BigInt(source);
  if (integer < -maxInteger || integer >= maxInteger) throw new RangeError(source);
  return value;
}

/** How deep the arrays and objects are nested. The deepest are looked at level by level. */
function levels(value: object): number {
  let depth = 0;
  for (let level: unknown[] = [value]; level.length > 0; depth++)
    level = level
      .flatMap(item => Object.values(item as object))
      .filter(item => typeof item === 'object' && item !== null);
  return depth;
}

/** Who may put events on the bus, and what each event starts. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { serverEvents } from '../core/events/events-in.ts';
import type { Functions } from './deployed-functions.ts';
import type { MailServers } from './mail-servers.ts';
import type { StateMachines } from './state-machines.ts';

const SERVER_EVENTS = Object.keys(serverEvents);

/**
 * A role of another account, which the bus's policy excludes: no principal ever matches. A
 * condition needs one value at least.
 */
export const nobody = (stack: Stack) => [`arn:${stack.partition}:iam::999999999999:role/nobody-is-named`];

/**
 * The bus's policy. A sender that registers a server and names the server for a domain gets the
 * domain's key delivered. So only the named senders may put events, and only our own roles with the
 * source `sealpost`.
 *
 * The policy is one document of the bus. A statement as a resource of its own
 * (`AWS::Events::EventBusPolicy`) has its id in the whole account, so that a second stack could not
 * be made, and is written beside the others, so that a denial could be lost
 * (docs/decisions/0032).
 *
 * The Sids are not those of the resources that earlier stacks had. At an upgrade CloudFormation
 * first writes this document and then deletes the old resources, each by its Sid. A statement with
 * an old Sid would be lost with it.
 * @param bus its ARN is given, because a resource cannot refer to itself
 * @param rest.senders ARNs of roles; one at least
 */
export function guard(
  { bus, busArn }: { bus: events.EventBus; busArn: string },
  { senders, ours }: { senders: string[]; ours: iam.IRole[] },
): void {
  const our = ours.map(role => role.roleArn);
  // Every principal, narrowed by a condition. If a statement named the account instead, each role
  // would need a right in its own policies, too.
  const put = { Principal: '*', Action: 'events:PutEvents', Resource: busArn };
  (bus.node.defaultChild as events.CfnEventBus).policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'OnlySendersAndOurRoles',
        Effect: 'Deny',
        ...put,
        Condition: { ArnNotEquals: { 'aws:PrincipalArn': our }, ArnNotLike: { 'aws:PrincipalArn': senders } },
      },
      {
        Sid: 'OnlyOurRolesSpeakAsSealpost',
        Effect: 'Deny',
        ...put,
        // ForAnyValue: one entry with our source is enough to refuse the whole batch.
        Condition: {
          'ForAnyValue:StringEquals': { 'events:source': ['sealpost'] },
          ArnNotEquals: { 'aws:PrincipalArn': our },
        },
      },
      {
        Sid: 'NamedSendersMaySpeak',
        Effect: 'Allow',
        ...put,
        Condition: {
          StringEquals: { 'aws:PrincipalAccount': Stack.of(bus).account },
          ArnLike: { 'aws:PrincipalArn': senders },
        },
      },
    ],
  };
}

/**
 * The rules. Each target has the dead-letter queue: an event that could not be delivered is kept
 * for 14 days.
 */
export class Rules extends Construct {
  constructor(
    scope: Construct,
    id: string,
    parts: {
      bus: events.EventBus;
      deadLetters: sqs.Queue;
      machines: StateMachines;
      functions: Functions;
      mailServers: MailServers;
    },
  ) {
    super(scope, id);
    const { bus, deadLetters: deadLetterQueue, machines, functions, mailServers } = parts;
    const retry = { deadLetterQueue, retryAttempts: 185, maxEventAge: Duration.hours(24) };
    const notOurs = events.Match.anythingBut('sealpost');

    // Every event that is not a server's: a mistyped detail-type is then answered with Request
    // Rejected.
    new events.Rule(this, 'Domains', {
      eventBus: bus,
      eventPattern: { source: notOurs, detailType: events.Match.anythingBut(...SERVER_EVENTS) },
      targets: [new targets.SfnStateMachine(machines.secureDomain, retry)],
    });
    new events.Rule(this, 'Servers', {
      eventBus: bus,
      eventPattern: { source: notOurs, detailType: SERVER_EVENTS },
      targets: [new targets.SfnStateMachine(machines.registerServer, retry)],
    });
    // AWS puts service events on the default bus, best effort. They save time; the sweep does not
    // depend on them.
    new events.Rule(this, 'Commands', {
      eventPattern: {
        source: ['aws.ssm'],
        detailType: ['EC2 Command Invocation Status-change Notification'],
        detail: {
          'document-name': [mailServers.documentName],
          status: events.Match.anythingBut('Pending', 'InProgress', 'Delayed', 'Cancelling'),
        },
      },
      targets: [new targets.LambdaFunction(functions.byName.OnCommandStatus, retry)],
    });
    new events.Rule(this, 'AcmExpiry', {
      eventPattern: { source: ['aws.acm'], detailType: ['ACM Certificate Approaching Expiration'] },
      targets: [new targets.LambdaFunction(functions.byName.OnAcmExpiry, retry)],
    });
  }
}

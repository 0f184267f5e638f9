/** Who may speak, and what is done with what was said. */
import { Duration, Fn, CfnCondition, type Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Functions } from './functions.ts';
import type { MailServers } from './mail-servers.ts';
import type { Settings } from './settings.ts';
import type { StateMachines } from './state-machines.ts';

const SERVER_EVENTS = ['Mail Server Registered', 'Mail Server Changed', 'Mail Server Retired'];

/** Whoever can register a server and name it for a domain gets that domain's key delivered: so only the named senders may speak, and as us only we. */
export function guard(bus: events.EventBus, stack: Stack, settings: Settings, ours: iam.IRole[]): void {
  const named = new CfnCondition(stack, 'SendersAreNamed', {
    expression: Fn.conditionNot(Fn.conditionEquals(Fn.join('', settings.senderRoles.valueAsList), '')),
  });
  // Of another account, which the policies below exclude: nobody can ever be it.
  const nobody = [`arn:${stack.partition}:iam::999999999999:role/nobody-is-named`];
  const senders = Fn.conditionIf(named.logicalId, settings.senderRoles.valueAsList, nobody);
  const our = ours.map(role => role.roleArn);
  const policy = (id: string, statement: object) =>
    new events.CfnEventBusPolicy(stack, id, { eventBusName: bus.eventBusName, statementId: id, statement });
  const about = { Action: 'events:PutEvents', Resource: bus.eventBusArn };
  policy('OnlySendersAndWe', {
    Effect: 'Deny',
    Principal: '*',
    ...about,
    Condition: { ArnNotEquals: { 'aws:PrincipalArn': our }, ArnNotLike: { 'aws:PrincipalArn': senders } },
  });
  policy('OnlyWeSpeakAsSealpost', {
    Effect: 'Deny',
    Principal: '*',
    ...about,
    // ForAnyValue: a batch with one entry in our name is refused, whatever its other entries are.
    Condition: {
      'ForAnyValue:StringEquals': { 'events:source': ['sealpost'] },
      ArnNotEquals: { 'aws:PrincipalArn': our },
    },
  });
  policy('SendersMaySpeak', {
    Effect: 'Allow',
    // Everybody, narrowed to the named roles: naming the account would ask for a right of their own besides.
    Principal: '*',
    ...about,
    Condition: { StringEquals: { 'aws:PrincipalAccount': stack.account }, ArnLike: { 'aws:PrincipalArn': senders } },
  });
}

/** Every rule, and a dead-letter queue for each target: an event that could not be handed on is kept for 14 days. */
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

    // Whatever is no server's event: a mistyped detail-type is answered with Request Rejected instead of with silence.
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
    // Service events come on the default bus, best effort: they save time, the sweep is the guarantee.
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
    this.every(1, 'Sweep', "whatever's time has come", functions.byName.Sweep, deadLetterQueue);
    this.every(
      1,
      'ReadRenewalInfo',
      'when the CAs would like each certificate to be replaced',
      functions.byName.ReadRenewalInfo,
      deadLetterQueue,
    );
    this.every(
      5,
      'LookFromOutside',
      'how servers look from outside',
      functions.byName.LookFromOutside,
      deadLetterQueue,
    );
  }

  private every(minutes: 1 | 5, name: string, why: string, woken: lambda.Function, deadLetters: sqs.Queue): void {
    const role = new iam.Role(this, `${name}ScheduleRole`, {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com'),
      inlinePolicies: {
        rights: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [woken.functionArn] }),
            new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }),
          ],
        }),
      },
    });
    new scheduler.CfnSchedule(this, `${name}Schedule`, {
      description: `sealpost: ${why}`,
      scheduleExpression: `rate(${minutes === 1 ? '1 minute' : `${minutes} minutes`})`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: woken.functionArn,
        roleArn: role.roleArn,
        deadLetterConfig: { arn: deadLetters.queueArn },
        // The next one comes by itself: an old call is of no use.
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
  }
}

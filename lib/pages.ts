/**
 * Pages: one SNS topic to which the person on duty subscribes. A page is sent for an execution that
 * failed, for a dead letter, for certificates that run out while their domains are parked, for a
 * schedule whose function has not succeeded for some time, and for the events out that only a
 * person can act on.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { runningOut as metricRunningOut } from './metrics.ts';
import { pagedEnds } from './paged-executions.ts';

/**
 * The events out (core/events/events-out.ts) that page a person, with the condition on their detail
 * and the fields that the page shows. Only names, numbers and times are shown: EventBridge does not
 * escape a value that it puts into a text.
 */
const PAGED_EVENTS: Record<string, { detail?: object; fields: string[] }> = {
  // At the third failure in a row, or at once if the CA refuses our account.
  'Issuer In Trouble': {
    detail: { $or: [{ reason: ['IssuerUnusable'] }, { failures: [{ numeric: ['>=', 3] }] }] },
    fields: ['issuer', 'reason', 'failures', 'until'],
  },
  // Once in a row of failures, some hours after the first.
  'Server Unreachable': { detail: { page: [true] }, fields: ['server', 'node', 'error', 'failures', 'nextTry'] },
  'Served Certificate Approaching Expiration': {
    fields: ['server', 'count', 'notAfter', 'reason', 'moreServers'],
  },
  'Provided Certificate Approaching Expiration': { fields: ['domain', 'daysLeft', 'notAfter', 'takenOverAt'] },
};

interface PagesParts {
  /** With it the names of the topic and of the alarms begin, and each page. */
  name: string;
  machines: sfn.IStateMachine[];
  deadLetters: sqs.Queue;
  /** Alarms of functions that have not succeeded for some time. */
  silences: cloudwatch.Alarm[];
  bus: events.IEventBus;
}

export class Pages extends Construct {
  readonly topic: sns.Topic;
  /** All that send a page. */
  readonly alarms: cloudwatch.Alarm[];

  constructor(scope: Construct, id: string, parts: PagesParts) {
    super(scope, id);
    const { name, machines, deadLetters, silences, bus } = parts;
    const { account } = Stack.of(this);
    // Not encrypted at rest: a page holds names and ARNs only, and EventBridge and CloudWatch would
    // need rights on our key.
    this.topic = new sns.Topic(this, 'Topic', { topicName: `${name}-pages`, enforceSSL: true });

    // A reference by ARN, so that CDK adds no statement of its own to the topic's policy: that one
    // would let EventBridge publish for any rule of any account.
    const topic = sns.Topic.fromTopicArn(this, 'TopicByArn', this.topic.topicArn);
    const page = (message: events.RuleTargetInput) =>
      new targets.SnsTopic(topic, {
        message,
        deadLetterQueue: deadLetters,
        // As for every rule: 24 hours.
        retryAttempts: 185,
        maxEventAge: Duration.hours(24),
      });
    const executions = new events.Rule(this, 'Executions', {
      description: `${name}: an execution failed and needs a person`,
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: machines.map(machine => machine.stateMachineArn), ...pagedEnds },
      },
      targets: [page(textOfExecution(name))],
    });
    const rules = Object.entries(PAGED_EVENTS).map(
      ([event, { detail, fields }]) =>
        new events.Rule(this, event.replaceAll(' ', ''), {
          description: `${name}: ${event}, which needs a person`,
          eventBus: bus,
          eventPattern: { source: ['sealpost'], detailType: [event], ...(detail && { detail }) },
          targets: [page(textOfEvent(event, { fields, name }))],
        }),
    );

    const runningOut = new cloudwatch.Alarm(this, 'RunningOut', {
      alarmName: `${name}-running-out`,
      alarmDescription:
        'Domains were parked although their certificate expires soon, or should be renewed by now according to the CA. docs/runbook.md: "Certificates Running Out".',
      metric: metricRunningOut(name),
      threshold: 0,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // No data: no such domain was parked.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const alarm = new cloudwatch.Alarm(this, 'DeadLetters', {
      alarmName: `${name}-dead-letters`,
      alarmDescription:
        'An event was not delivered, or an invocation failed, at the last attempt. The dead letter is kept for 14 days. docs/runbook.md: "Dead letters".',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
        statistic: cloudwatch.Stats.MAXIMUM,
      }),
      threshold: 0,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // SQS stops sending data for a queue that was empty and not called for six hours.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const alarms = [alarm, runningOut, ...silences];
    this.alarms = alarms;
    for (const each of alarms) each.addAlarmAction(new SnsAction(this.topic));
    // The topic has its own policy, which replaces the default policy. The default policy would let
    // the account's alarms publish. A service publishes for everybody's rules and alarms, so the
    // policy names ours.
    const publishers = {
      'cloudwatch.amazonaws.com': alarms.map(({ alarmArn }) => alarmArn),
      'events.amazonaws.com': [executions, ...rules].map(({ ruleArn }) => ruleArn),
    };
    for (const [service, sources] of Object.entries(publishers))
      this.topic.grantPublish(
        new iam.ServicePrincipal(service, {
          conditions: {
            StringEquals: { 'aws:SourceAccount': account },
            ArnEquals: { 'aws:SourceArn': sources },
          },
        }),
      );
  }
}

/**
 * The text of the page for an execution. The cause is left out: EventBridge does not escape a value
 * that it puts into a text, and a cause is JSON or a stack trace, with which EventBridge could not
 * render the page.
 */
function textOfExecution(name: string): events.RuleTargetInput {
  const detail = (field: string) => events.EventField.fromPath(`$.detail.${field}`);
  return events.RuleTargetInput.fromText(
    `${name}: an execution ended ${detail('status')}. Error, and heading in docs/runbook.md: ${detail('error')}. ` +
      `Its input and cause: aws stepfunctions describe-execution --execution-arn ${detail('executionArn')}`,
  );
}

function textOfEvent(event: string, { fields, name }: { fields: string[]; name: string }): events.RuleTargetInput {
  const shown = fields.map(field => `${field} ${events.EventField.fromPath(`$.detail.${field}`)}`);
  return events.RuleTargetInput.fromText(`${name}: ${event}, the heading in docs/runbook.md. ${shown.join(', ')}`);
}

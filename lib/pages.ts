/**
 * How a person hears of it: one topic. On it come an execution that failed, a dead letter, certificates that run out
 * while their domains are parked, and the facts of the bus that only a person can change. Who is on duty subscribes.
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
import { pagedEnds } from './paged-executions.ts';

/**
 * Facts (core/events/facts.ts) that nothing of ours will mend: which of them, and the fields of their detail that are names,
 * numbers or times, since EventBridge does not escape what it puts into a text.
 */
const PAGED_FACTS: Record<string, { detail?: object; fields: string[] }> = {
  // A CA that is away for some minutes is nobody's night; one that refuses our account is.
  'Issuer In Trouble': {
    detail: { $or: [{ reason: ['IssuerUnusable'] }, { failures: [{ numeric: ['>=', 3] }] }] },
    fields: ['issuer', 'reason', 'failures', 'until'],
  },
  // Once, after some hours.
  'Server Unreachable': { detail: { failures: [6] }, fields: ['server', 'node', 'error', 'failures', 'nextTry'] },
  'Provided Certificate Approaching Expiration': { fields: ['domain', 'daysLeft', 'notAfter', 'takenOverAt'] },
};

interface PagesParts {
  machines: sfn.IStateMachine[];
  deadLetters: sqs.Queue;
  /** The product's. */
  bus: events.IEventBus;
}

export class Pages extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, parts: PagesParts) {
    super(scope, id);
    const { machines, deadLetters, bus } = parts;
    const { stackName, account } = Stack.of(this);
    // Not encrypted at rest: EventBridge and CloudWatch would need a key of ours, for names and ARNs alone.
    this.topic = new sns.Topic(this, 'Topic', { topicName: `${stackName}-pages`, enforceSSL: true });

    const page = (message: events.RuleTargetInput) =>
      new targets.SnsTopic(this.topic, {
        message,
        deadLetterQueue: deadLetters,
        // The same as of all rules: 24 hours.
        retryAttempts: 185,
        maxEventAge: Duration.hours(24),
      });
    new events.Rule(this, 'Executions', {
      description: `${stackName}: an execution ended so that a person has to look`,
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: machines.map(machine => machine.stateMachineArn), ...pagedEnds },
      },
      targets: [page(text(stackName))],
    });
    for (const [fact, { detail, fields }] of Object.entries(PAGED_FACTS))
      new events.Rule(this, fact.replaceAll(' ', ''), {
        description: `${stackName}: ${fact}, which a person has to know of`,
        eventBus: bus,
        eventPattern: { source: ['sealpost'], detailType: [fact], ...(detail && { detail }) },
        targets: [page(factText(stackName, fact, fields))],
      });

    const runningOut = new cloudwatch.Alarm(this, 'RunningOut', {
      alarmName: `${stackName}-running-out`,
      alarmDescription:
        'Domains were parked whose certificate is near its end, or past the window that its CA gave. docs/runbook.md: "Certificates Running Out".',
      // What ParkDomain counts.
      metric: new cloudwatch.Metric({
        namespace: 'sealpost',
        metricName: 'CertificatesRunningOut',
        dimensionsMap: { stack: stackName, outcome: 'parked' },
        period: Duration.hours(1),
        statistic: cloudwatch.Stats.SUM,
      }),
      threshold: 0,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // Nothing was parked so.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const alarm = new cloudwatch.Alarm(this, 'DeadLetters', {
      alarmName: `${stackName}-dead-letters`,
      alarmDescription:
        'An event, or the work that one woke, was given up after its last attempt; it is kept for 14 days. docs/runbook.md: "Dead letters".',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
        statistic: cloudwatch.Stats.MAXIMUM,
      }),
      threshold: 0,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // SQS falls silent about a queue that has been empty and untouched for six hours.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const alarms = [alarm, runningOut];
    for (const each of alarms) each.addAlarmAction(new SnsAction(this.topic));
    // A topic with a policy of its own has lost the default one, by which alarms of the account may publish.
    this.topic.grantPublish(
      new iam.ServicePrincipal('cloudwatch.amazonaws.com', {
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnEquals: { 'aws:SourceArn': alarms.map(({ alarmArn }) => alarmArn) },
        },
      }),
    );
  }
}

/**
 * What a person reads. The cause is left out: EventBridge does not escape what it puts into a text, and a cause is
 * JSON or a stack trace; a page that cannot be rendered is none.
 */
function text(stackName: string): events.RuleTargetInput {
  const detail = (name: string) => events.EventField.fromPath(`$.detail.${name}`);
  return events.RuleTargetInput.fromText(
    `${stackName}: an execution ended ${detail('status')}. Error, and heading in docs/runbook.md: ${detail('error')}. ` +
      `Its input and cause: aws stepfunctions describe-execution --execution-arn ${detail('executionArn')}`,
  );
}

function factText(stackName: string, fact: string, fields: string[]): events.RuleTargetInput {
  const shown = fields.map(field => `${field} ${events.EventField.fromPath(`$.detail.${field}`)}`);
  return events.RuleTargetInput.fromText(`${stackName}: ${fact}, the heading in docs/runbook.md. ${shown.join(', ')}`);
}

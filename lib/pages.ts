/** How a person hears of it: one topic, an execution that failed, a dead letter. Who is on duty subscribes to the topic. */
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

export class Pages extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, parts: { machines: sfn.IStateMachine[]; deadLetters: sqs.Queue }) {
    super(scope, id);
    const { machines, deadLetters } = parts;
    const { stackName, account } = Stack.of(this);
    // Not encrypted at rest: EventBridge and CloudWatch would need a key of ours, for names and ARNs alone.
    this.topic = new sns.Topic(this, 'Topic', { topicName: `${stackName}-pages`, enforceSSL: true });

    new events.Rule(this, 'Executions', {
      description: `${stackName}: an execution ended so that a person has to look`,
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: machines.map(machine => machine.stateMachineArn), ...pagedEnds },
      },
      targets: [
        new targets.SnsTopic(this.topic, {
          message: text(stackName),
          deadLetterQueue: deadLetters,
          // The same as of all rules: 24 hours.
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
        }),
      ],
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
    alarm.addAlarmAction(new SnsAction(this.topic));
    // A topic with a policy of its own has lost the default one, by which alarms of the account may publish.
    this.topic.grantPublish(
      new iam.ServicePrincipal('cloudwatch.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account }, ArnEquals: { 'aws:SourceArn': alarm.alarmArn } },
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

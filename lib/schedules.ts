/**
 * What runs by the clock. A call that fails is no dead letter, because the next one does the same.
 * A function that has not succeeded for some time pages a person instead.
 */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import type { Functions } from './deployed-functions.ts';
import { kebab, type FunctionName } from './function-names.ts';

interface Row {
  everyMinutes: 1 | 5 | 60;
  purpose: string;
  /** Minutes without a success after which a person is paged. */
  silentMinutes: number;
  /** The page's heading in docs/runbook.md. */
  heading: string;
  /** For the page: what waits meanwhile. */
  waits: string;
}

/** EventBridge Scheduler wants the singular for one. */
const RATES = { 1: '1 minute', 5: '5 minutes', 60: '1 hour' };

const rows = {
  Sweep: {
    everyMinutes: 1,
    purpose: 'starts an execution for each domain and server that is due',
    silentMinutes: 10,
    heading: 'Sweep Silent',
    waits: 'no renewal, no retry and no audit begins',
  },
  ReadRenewalInfo: {
    everyMinutes: 1,
    purpose: 'asks the CAs when each certificate is to be replaced',
    silentMinutes: 60,
    heading: 'Renewal Information Silent',
    waits: 'a revocation that a CA announces is not seen; certificates are renewed by their dates',
  },
  LookFromOutside: {
    everyMinutes: 5,
    purpose: 'checks servers from outside',
    silentMinutes: 60,
    heading: 'Outside Check Silent',
    waits: 'no server is checked from outside',
  },
  LastGuard: {
    everyMinutes: 60,
    purpose: 'pages for what is served and about to end',
    silentMinutes: 180,
    heading: 'Last Guard Silent',
    waits: 'a certificate may end without a page, if its renewal fails, too',
  },
} as const satisfies Partial<Record<FunctionName, Row>>;

export class Schedules extends Construct {
  /** One for each schedule. */
  readonly alarms: cloudwatch.Alarm[];

  constructor(scope: Construct, id: string, { name: prefix, functions }: { name: string; functions: Functions }) {
    super(scope, id);
    this.alarms = (Object.keys(rows) as (keyof typeof rows)[]).map(name => {
      const woken = functions.byName[name];
      this.schedule(name, woken);
      return this.silence(name, woken, prefix);
    });
  }

  private schedule(name: keyof typeof rows, woken: lambda.Function): void {
    const { everyMinutes, purpose } = rows[name];
    const role = new iam.Role(this, `${name}ScheduleRole`, {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com'),
      inlinePolicies: {
        rights: new iam.PolicyDocument({
          statements: [new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [woken.functionArn] })],
        }),
      },
    });
    new scheduler.CfnSchedule(this, `${name}Schedule`, {
      description: `sealpost: ${purpose}`,
      scheduleExpression: `rate(${RATES[everyMinutes]})`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: woken.functionArn,
        roleArn: role.roleArn,
        // Within the minute after which the next call comes by itself.
        retryPolicy: { maximumRetryAttempts: 5, maximumEventAgeInSeconds: 60 },
      },
    });
  }

  private silence(name: keyof typeof rows, woken: lambda.Function, prefix: string): cloudwatch.Alarm {
    const { silentMinutes, heading, waits } = rows[name];
    const period = Duration.minutes(1);
    const sum = { period, statistic: cloudwatch.Stats.SUM };
    return new cloudwatch.Alarm(this, `${name}Silent`, {
      alarmName: `${prefix}-${heading.toLowerCase().replaceAll(' ', '-')}`,
      alarmDescription: `${prefix}-${kebab(name)} has not succeeded for ${silentMinutes} minutes: ${waits}. docs/runbook.md: "${heading}".`,
      // Each attempt counts as an invocation, and each failure also as an error.
      metric: new cloudwatch.MathExpression({
        expression: 'FILL(invocations, 0) - FILL(errors, 0)',
        usingMetrics: { invocations: woken.metricInvocations(sum), errors: woken.metricErrors(sum) },
        period,
        label: 'successes',
      }),
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: silentMinutes,
      // A function that does not run has no data.
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    });
  }
}

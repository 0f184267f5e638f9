/**
 * What a person looks at first: the alarms, what happens to domains, and whether each part runs.
 * The functions count what they publish (aws/counted.ts); the rest is AWS's own.
 */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Functions } from './deployed-functions.ts';
import { endpointsUnverified, published, runningOut } from './metrics.ts';
import type { StateMachines } from './state-machines.ts';

interface DashboardParts {
  name: string;
  alarms: cloudwatch.IAlarm[];
  machines: StateMachines;
  functions: Functions;
  deadLetters: sqs.Queue;
}

/** Of an hour, so that a month fits into a graph. */
const period = Duration.hours(1);
const sum = { period, statistic: cloudwatch.Stats.SUM };
/** Three graphs beside each other. */
const size = { width: 8, height: 6 };

/** The events out that a graph shows, by the question that the graph answers. */
export const GRAPHS = {
  'Are certificates issued and installed?': ['Certificate Issued', 'Certificate Installed', 'Certificate Removed'],
  'What waits for somebody?': ['Domain Parked', 'Domain Retired', 'Issuer In Trouble'],
  'Are servers reached and adopted?': ['Server Unreachable', 'Server Held', 'Daemon Not Adopted'],
  'Is what is served what should be?': ['Endpoints Unverified', 'Drift Repaired'],
  'What runs out?': ['Served Certificate Approaching Expiration', 'Provided Certificate Approaching Expiration'],
} as const;

export class Dashboard extends Construct {
  readonly dashboard: cloudwatch.Dashboard;

  constructor(scope: Construct, id: string, parts: DashboardParts) {
    super(scope, id);
    const { name, alarms, machines, functions, deadLetters } = parts;
    const graph = (title: string, left: cloudwatch.IMetric[]) => new cloudwatch.GraphWidget({ title, left, ...size });
    const events = Object.entries(GRAPHS).map(([title, kinds]) =>
      graph(
        title,
        kinds.map(kind => published({ stack: name, kind })),
      ),
    );
    const roads = [machines.secureDomain, machines.deliverToServer, machines.registerServer];
    const woken = [functions.byName.Sweep, functions.byName.ReadRenewalInfo, functions.byName.LookFromOutside];
    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: name,
      defaultInterval: Duration.days(7),
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ title: 'Alarms (docs/runbook.md)', alarms, width: 24, height: 3 })],
        events.slice(0, 3),
        [
          ...events.slice(3),
          graph('How many endpoints, and how many domains run out?', [endpointsUnverified(name), runningOut(name)]),
        ],
        [
          graph(
            'Do executions succeed?',
            roads.flatMap(road => [road.metricSucceeded(sum), road.metricFailed(sum)]),
          ),
          graph('Do the schedules run?', [
            ...woken.map(one => one.metricInvocations(sum)),
            ...woken.map(one => one.metricErrors(sum)),
          ]),
          graph('Are there dead letters?', [
            deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: cloudwatch.Stats.MAXIMUM }),
          ]),
        ],
      ],
    });
  }
}

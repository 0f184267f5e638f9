/** The metrics that our functions write into their logs (aws/metric.ts). */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

function metric(metricName: string, dimensionsMap: { stack: string; outcome: string }): cloudwatch.Metric {
  const hourly = { period: Duration.hours(1), statistic: cloudwatch.Stats.SUM };
  return new cloudwatch.Metric({ namespace: 'sealpost', metricName, dimensionsMap, ...hourly });
}

/** ParkDomain counts it. */
export const runningOut = (stack: string) => metric('CertificatesRunningOut', { stack, outcome: 'parked' });

/** aws/counted.ts counts it, where an audit or a check from outside publishes it. */
export const endpointsUnverified = (stack: string) => metric('EndpointsUnverified', { stack, outcome: 'unverified' });

/** Events out of one kind. aws/counted.ts counts each. */
export const published = ({ stack, kind }: { stack: string; kind: string }) =>
  metric('Events', { stack, outcome: kind }).with({ label: kind });

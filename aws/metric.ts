/** CloudWatch's embedded metric format: a line of a function's log that is counted, without a right or a call (CloudWatch user guide, "Embedded metric format"). */
import type { Clock } from '../core/clock.ts';
import type { Metrics } from '../core/ports/bus.ts';

/** Not by console.log, which Lambda puts a time and a level before: the line must be JSON to be counted. */
export function metricsOf(stack: string, clock: Pick<Clock, 'now'>): Metrics {
  return {
    count(metric, { outcome, facts }) {
      const CloudWatchMetrics = [
        { Namespace: 'sealpost', Dimensions: [['stack', 'outcome']], Metrics: [{ Name: metric, Unit: 'Count' }] },
      ];
      const line = { _aws: { Timestamp: clock.now(), CloudWatchMetrics }, stack, outcome, [metric]: 1, ...facts };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    },
  };
}

/**
 * CloudWatch's embedded metric format: CloudWatch counts a line of a function's log, which needs no
 * right and no call (CloudWatch user guide, "Embedded metric format").
 */
import type { Clock } from '../core/clock.ts';
import { escapedJson } from '../core/json.ts';
import type { Metrics } from '../core/ports/bus.ts';

/**
 * The line is not written by console.log, because Lambda puts a time and a level before such a
 * line, and only JSON is counted.
 */
export function metricsOf(stack: string, clock: Pick<Clock, 'now'>): Metrics {
  return {
    count(metric, { outcome, value = 1, facts }) {
      const CloudWatchMetrics = [
        { Namespace: 'sealpost', Dimensions: [['stack', 'outcome']], Metrics: [{ Name: metric, Unit: 'Count' }] },
      ];
      const line = { _aws: { Timestamp: clock.now(), CloudWatchMetrics }, stack, outcome, [metric]: value, ...facts };
      process.stdout.write(`${escapedJson(line)}\n`);
    },
  };
}

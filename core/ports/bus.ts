/** The product's event bus and its metrics. */
import type { EventOut } from '../events/events-out.ts';

export interface Bus {
  /** Publishes events on the product's bus, with the source `sealpost`. */
  put(events: EventOut[]): Promise<void>;
}

export interface Metrics {
  /**
   * Adds to a metric.
   * @param counted.outcome the metric's only dimension
   * @param counted.value 1 unless it is given
   * @param counted.facts details for a person who reads the log line
   */
  count(metric: string, counted: { outcome: string; value?: number; facts: Record<string, string | undefined> }): void;
}

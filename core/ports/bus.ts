/** The product's event bus and its metrics. */
import type { EventOut } from '../events/events-out.ts';

export interface Bus {
  /** Publishes events on the product's bus, with the source `sealpost`. */
  put(events: EventOut[]): Promise<void>;
}

export interface Metrics {
  /**
   * Adds one to a metric.
   * @param counted.outcome the metric's only dimension
   * @param counted.facts details for a person who reads the log line
   */
  count(metric: string, counted: { outcome: string; facts: Record<string, string | undefined> }): void;
}

/** The product's event bus and its metrics. */
import type { Fact } from '../events/facts.ts';

export interface Bus {
  /** Puts facts of ours on the product's bus, `source` `sealpost`. */
  put(events: Fact[]): Promise<void>;
}

export interface Metrics {
  /** Counts one. @param outcome the one dimension @param facts what a person wants to know who looks what was counted */
  count(metric: string, outcome: string, facts: Record<string, string | undefined>): void;
}

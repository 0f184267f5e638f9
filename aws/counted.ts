/**
 * Counts what is published, so that a dashboard needs no counter anywhere else. A step that is
 * repeated publishes and counts again.
 */
import type { Bus, Metrics } from '../core/ports/bus.ts';

export function counted(bus: Bus, metrics: Metrics): Bus {
  return {
    async put(events) {
      await bus.put(events);
      for (const { detailType, detail } of events) {
        metrics.count('Events', { outcome: detailType, facts: {} });
        if (detailType === 'Endpoints Unverified')
          metrics.count('EndpointsUnverified', {
            outcome: 'unverified',
            // A server whose name has no address has no endpoint, and none of them is verified.
            value: Math.max(1, detail.endpoints - detail.verified),
            facts: { server: detail.server, seenFrom: detail.seenFrom },
          });
      }
    },
  };
}

/** What an inspection says of adoption, for the bus: once, not at each inspection. */
import type { EventOut } from '../events/events-out.ts';
import { inTrouble, waitForConsent, type Daemon } from '../record/adoption.ts';
import type { Facts } from '../record/capability.ts';
import type { ServerRecord } from '../record/server.ts';

/**
 * @param server the record before the inspection. A registration removes what was found before it,
 *   so a plan that waits is said again after each registration
 * @param found what the inspection found
 */
export function tellAdoption(server: ServerRecord, found: Facts): EventOut[] {
  const now = { ...server, capability: found };
  const waiting = waitForConsent(now);
  const isPlanNew = waiting.length > 0 && !isSame({ now: waiting, before: waitForConsent(server) });
  const known = inTrouble(server);
  const troubled = inTrouble(now).filter(one => !known.some(before => isSame({ now: [one], before: [before] })));
  return [
    ...(isPlanNew
      ? [{ detailType: 'Adoption Planned' as const, detail: { server: server.server, daemons: waiting.map(planned) } }]
      : []),
    ...troubled.map(({ daemon, state, reason = 'it gave no reason' }) => ({
      detailType: 'Daemon Not Adopted' as const,
      detail: { server: server.server, daemon, state, message: reason },
    })),
  ];
}

/** @returns why nothing more may be sent to the server; undefined if no daemon is broken */
export function brokenByAdoption({ server }: ServerRecord, found: Facts): string | undefined {
  const broken = inTrouble({ capability: found }).find(({ state }) => state === 'broken');
  return (
    broken &&
    `${broken.daemon} on ${server} does not serve what it served before its adoption was tried: ${broken.reason}`
  );
}

function planned({ daemon, state, reason, plan }: Daemon) {
  return {
    daemon,
    consent: state === 'loses' ? ('with-losses' as const) : (true as const),
    ...(reason !== undefined && { loses: reason }),
    plan,
  };
}

function isSame({ now, before }: Record<'now' | 'before', Daemon[]>): boolean {
  return JSON.stringify(now) === JSON.stringify(before);
}

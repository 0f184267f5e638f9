/**
 * ReleaseDomain: the end of the claim of an execution that has issued a certificate, or whose wish
 * has changed.
 */
import { importWanted } from '../acm/import-to-acm.ts';
import { endClaim } from '../claim/end-claim.ts';
import { openClaim } from '../claim/open-claim.ts';
import { retract } from '../claim/published.ts';
import { sayBefore } from '../claim/say-before.ts';
import type { Clock } from '../clock.ts';
import { type Ended } from '../ended.ts';
import { isSealpostError } from '../errors.ts';
import type { EventOut } from '../events/events-out.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Executions } from '../ports/executions.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { Zones } from '../ports/zones.ts';
import type { DomainRecord } from '../record/domain.ts';
import { acmDuty, nextEvaluation } from '../record/duties.ts';
import { whenLessBusy } from '../record/parked.ts';
import type { Plan } from '../record/plan.ts';
import { holdersOf } from '../record/served-under.ts';
import { wakeServers } from '../work/wake.ts';

export interface ReleasePorts {
  store: Pick<ClaimStore, 'renewDomain' | 'recordPublished' | 'releaseDomain'> &
    Pick<ServerStore, 'wakeServer' | 'readServer'>;
  zones: Zones;
  bus: Bus;
  executions: Executions;
  clock: Clock;
  random: () => number;
}

type Released = { domain: string; servers: string[]; dueAt: number };

/**
 * Servers are woken before the claim ends, because a retry of this step finds no claim and does
 * nothing.
 * @returns the end ImportWanted, where all but the end of the claim is done
 * @throws SealpostError Throttled, ClaimLost
 */
export async function releaseDomain(
  input: Plan & { execution: string; certificate?: string; wake?: string[] },
  ports: ReleasePorts,
): Promise<Released | Ended<'ImportWanted'>> {
  const { claim, record: opened } = await openClaim(input, ports);
  await wakeServers(input.wake ?? input.servers, ports);
  const { record, trouble } = await retract(opened, claim, ports);
  const facts = input.certificate && record.current ? [issued(record, record.current)] : [];
  return sayBefore(facts, ports.bus, async () => {
    if (input.certificate && acmDuty(record)) return importWanted(claim.domain);
    // A certificate that a wished server lacks, since that server is not registered any more: the
    // next evaluation parks the domain for that.
    const isWhole = holdersOf(record).every(server => input.servers.includes(server));
    const { now } = claim;
    const next = nextEvaluation(record, { dueAt: (isWhole && record.current?.renewAt) || now, now });
    // The next execution retracts the values that Route 53 was too busy for.
    const isBusy = isSealpostError(trouble, 'Throttled');
    const dueAt = isBusy ? Math.min(next, whenLessBusy(now, ports.random)) : next;
    await endClaim(claim, dueAt, ports);
    return { domain: claim.domain, servers: input.servers, dueAt };
  });
}

function issued({ domain }: DomainRecord, current: NonNullable<DomainRecord['current']>): EventOut {
  const { names, issuer, issuedBy, staging, notAfter } = current;
  return {
    detailType: 'Certificate Issued',
    detail: {
      ...{ domain, names, issuer, issuedBy },
      ...(staging && { staging: true }),
      notAfter: new Date(notAfter).toISOString(),
    },
  };
}

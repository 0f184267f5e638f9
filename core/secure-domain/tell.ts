/** A person is told in time that a certificate from elsewhere ends. */
import type { Clock } from '../clock.ts';
import type { Store } from '../ports/store.ts';
import type { DomainRecord } from '../record/domain.ts';
import { dueMark, uses } from '../record/provided.ts';
import type { Bus } from '../ports/bus.ts';

const DAY = 86_400_000;

/** One that is for both is told of once. @throws SealpostError ClaimLost */
export async function tellOfEnds(
  { domain, provided }: DomainRecord,
  me: string,
  { store, bus, clock }: { store: Store; bus: Bus; clock: Clock },
): Promise<void> {
  const now = clock.now();
  const due = uses.filter(use => provided?.[use] && dueMark(provided[use], now) !== undefined);
  const first = due[0] && provided![due[0]]!;
  if (!first) return;
  const told = due.filter(use => provided![use]!.id === first.id);
  const { fingerprint, issuedBy, notAfter, renewAt } = first;
  const daysLeft = Math.floor((notAfter - now) / DAY);
  const [end, takenOverAt] = [new Date(notAfter).toISOString(), new Date(renewAt).toISOString()];
  const later = `at ${takenOverAt} one of ours takes its place`;
  const message = `the certificate provided for ${told.join(' and ')} of ${domain} ends in ${daysLeft} days and cannot be renewed here; provide the next one, or ${later}`;
  const detail = { domain, for: told, fingerprint, issuedBy, daysLeft, notAfter: end, takenOverAt, message };
  // Before it is on record, since a retry of this step finds it there: rather twice than never.
  await bus.put([{ detailType: 'Provided Certificate Approaching Expiration', detail }]);
  for (const use of told) await store.recordTold(domain, me, use, first.id, dueMark(first, now)!);
  const others = Object.fromEntries(due.filter(use => !told.includes(use)).map(use => [use, provided![use]]));
  await tellOfEnds({ domain, provided: others } as DomainRecord, me, { store, bus, clock });
}

/** Tells a person in time that a provided certificate ends. */
import { sayBefore } from '../claim/say-before.ts';
import type { Bus } from '../ports/bus.ts';
import type { ClaimStore } from '../ports/claim-store.ts';
import type { Claim } from '../record/claim.ts';
import type { DomainRecord } from '../record/domain.ts';
import { dueMark, uses } from '../record/provided.ts';

const DAY = 86_400_000;

/** A certificate that is for mail and webmail is told of once. @throws SealpostError ClaimLost */
export async function tellOfEnds(
  { provided }: Pick<DomainRecord, 'provided'>,
  claim: Claim,
  ports: { store: Pick<ClaimStore, 'recordTold'>; bus: Bus },
): Promise<void> {
  const { domain, now } = claim;
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
  await sayBefore([{ detailType: 'Provided Certificate Approaching Expiration', detail }], ports.bus, async () => {
    for (const use of told) await ports.store.recordTold(claim, { use, id: first.id, days: dueMark(first, now)! });
  });
  const others = Object.fromEntries(due.filter(use => !told.includes(use)).map(use => [use, provided![use]]));
  await tellOfEnds({ provided: others }, claim, ports);
}

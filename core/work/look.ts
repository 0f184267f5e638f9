/** Starting the road for a domain as it stands on record. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Executions } from '../ports/executions.ts';

/** @param name of the execution; the same name is the same look. By default one that nobody else chooses */
export async function look(
  domain: string,
  { executions, clock }: { executions: Executions; clock: Clock },
  name = `look-${randomUUID()}`,
): Promise<void> {
  await executions.start('secure-domain', name, {
    // Beside what a sender can say: nobody wished anything, and the domain is looked at only where it is due.
    look: 'due',
    'detail-type': 'Certificate Expiring',
    time: new Date(clock.now()).toISOString(),
    detail: { domain },
  });
}

/** Starts secure-domain for a domain as its record stands, without a new wish. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Executions } from '../ports/executions.ts';

/**
 * @param name of the execution. Step Functions starts one execution for one name, so a caller that
 *   may be retried gives a name; the default is a name that no other caller gives.
 */
export async function reEvaluate(
  domain: string,
  { executions, clock }: { executions: Executions; clock: Clock },
  name = `look-${randomUUID()}`,
): Promise<void> {
  await executions.start('secure-domain', name, {
    // Beside the detail, where no sender can write: the execution claims the domain only if it is
    // due.
    look: 'due',
    'detail-type': 'Certificate Expiring',
    time: new Date(clock.now()).toISOString(),
    detail: { domain },
  });
}

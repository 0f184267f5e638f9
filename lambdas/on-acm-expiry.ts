/** Woken by ACM's event that a certificate of the account is about to expire. */
import { acmItems } from '../aws/acm-items.ts';
import { domainItems } from '../aws/domain-items.ts';
import * as z from 'zod/mini';
import { onExpiry, type AcmExpiry } from '../core/acm/expiry.ts';
import { clock, executions, metrics, storeOf } from './environment.ts';

const event = z.object({ resources: z.array(z.string()).check(z.minLength(1)) });

export const handler = async (input: unknown): Promise<AcmExpiry> => {
  const [arn] = z.parse(event, input).resources;
  const found = await onExpiry(arn!, { store: storeOf(acmItems, domainItems), executions: executions(), clock });
  metrics().count('AcmExpiryEvents', { outcome: found.outcome, facts: { arn, ...found } });
  return found;
};

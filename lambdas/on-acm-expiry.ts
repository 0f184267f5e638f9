/** Woken by ACM's event that a certificate of the account approaches its end. */
import * as z from 'zod/mini';
import { counted } from '../aws/metric.ts';
import { lookAtArn, type AcmExpiry } from '../core/domain/acm-expiry.ts';
import { clock, executions, setting, store } from './environment.ts';

const event = z.object({ resources: z.array(z.string()).check(z.minLength(1)) });

export const handler = async (input: unknown): Promise<AcmExpiry> => {
  const [arn] = z.parse(event, input).resources;
  const found = await lookAtArn(arn!, { store: store(), executions: executions(), clock });
  // Not by console.log, which Lambda puts a time and a level before: the line must be JSON to be counted.
  const line = counted(setting('STACK'), 'AcmExpiryEvents', found.outcome, { arn, ...found }, clock.now());
  process.stdout.write(`${line}\n`);
  return found;
};

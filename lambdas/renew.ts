/** Woken by a person (`sealpost renew`), who needs the right to call this function only. */
import { domainItems } from '../aws/domain-items.ts';
import { renewalItems } from '../aws/renewal-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { workItems } from '../aws/work-items.ts';
import * as z from 'zod/mini';
import { renew, type Renewed } from '../core/renewal/renew.ts';
import { clock, executions, storeOf } from './environment.ts';

const after = z.optional(z.string());
const request = z.union([
  z.strictObject({ domain: z.string() }),
  z.strictObject({ server: z.string(), after }),
  z.strictObject({ all: z.literal(true), after }),
]);

export const handler = async (input: unknown): Promise<Renewed> =>
  renew(z.parse(request, input), {
    store: storeOf(renewalItems, domainItems, serverItems, workItems),
    executions: executions(),
    clock,
  });

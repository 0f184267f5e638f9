/** Woken by a person (`npx sealpost audit`): a server's audit is made due now. */
import { outsideItems } from '../aws/outside-items.ts';
import { serverItems } from '../aws/server-items.ts';
import * as z from 'zod/mini';
import { askAudit } from '../core/audit/ask-audit.ts';
import { clock, executions, storeOf } from './environment.ts';

const request = z.strictObject({ server: z.string() });

export const handler = async (input: unknown): Promise<{ server: string; asked: boolean }> =>
  askAudit(z.parse(request, input).server, {
    store: storeOf(serverItems, outsideItems),
    executions: executions(),
    clock,
  });

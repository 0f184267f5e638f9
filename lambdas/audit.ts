/** Woken by a person (`sealpost audit`) or by LookFromOutside: audits a server now. */
import { outsideItems } from '../aws/outside-items.ts';
import { serverItems } from '../aws/server-items.ts';
import * as z from 'zod/mini';
import { askAudit } from '../core/audit/ask-audit.ts';
import { clock, executions, storeOf } from './environment.ts';

const request = z.strictObject({
  server: z.string(),
  by: z._default(z.enum(['a person', 'the outside check']), 'a person'),
});

export const handler = async (input: unknown): Promise<{ server: string; asked: boolean }> =>
  askAudit(z.parse(request, input), {
    store: storeOf(serverItems, outsideItems),
    executions: executions(),
    clock,
  });

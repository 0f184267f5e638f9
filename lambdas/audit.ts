/** Woken by a person (`npx sealpost audit`): a server's audit is made due now. */
import * as z from 'zod/mini';
import { askAudit } from '../core/audit/ask-audit.ts';
import { clock, executions, store } from './environment.ts';

const request = z.strictObject({ server: z.string() });

export const handler = async (input: unknown): Promise<{ server: string; asked: boolean }> =>
  askAudit(z.parse(request, input).server, { store: store(), executions: executions(), clock });

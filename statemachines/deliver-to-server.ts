/** deliver-to-server: each state's input and output, and the errors it throws, in the order of a round. */
import * as z from 'zod/mini';
import { caught } from './failure.ts';
import { step } from './step.ts';

const execution = z.string().check(z.minLength(1), z.maxLength(80));
const hash = z.string().check(z.regex(/^[0-9a-f]{64}$/));

const delivery = z.object({
  hash,
  seq: z.int(),
  mode: z.enum(['inspect', 'install', 'verify']),
  installer: hash,
  entries: z.int(),
});
const assembled = z.object({ server: z.string(), delivery });
const answered = z.extend(assembled, { commandId: z.string() });

/** Throws NothingToDeliver, ClaimLost. */
export const AssembleDelivery = step('AssembleDelivery', z.looseObject({ server: z.string(), execution }), assembled);
/** What resumes it is `{ commandId }`. Throws ServerUnreachable, Throttled. Pages by DocumentChanged. */
export const SendDelivery = step(
  'SendDelivery',
  z.extend(assembled, { execution, token: z.string() }),
  z.object({ sent: z.boolean() }),
);
/** Throws ServerUnreachable: the outcome is unknown, the work stays. Pages by InstallBroken, HostCertificateLost. */
export const RecordDelivery = step(
  'RecordDelivery',
  z.extend(answered, { execution }),
  z.object({ server: z.string(), outcome: z.string(), served: z.int(), refused: z.int() }),
);
/** Throws MoreWork. */
export const ReleaseServer = step(
  'ReleaseServer',
  z.looseObject({ server: z.string(), execution, rounds: z.int(), error: z.optional(caught) }),
  z.object({ server: z.string(), dueAt: z.optional(z.number()) }),
);

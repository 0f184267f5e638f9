/** register-server: one state, whose input is the event as it came. */
import * as z from 'zod/mini';
import { step } from './step.ts';

/** Throws InvalidStepInput. */
export const RegisterServer = step(
  'RegisterServer',
  z.looseObject({ 'detail-type': z.optional(z.string()) }),
  z.object({
    server: z.string(),
    node: z.optional(z.string()),
    /** Domains that were begun at once: its own host name, and the first of those that waited. */
    woken: z.array(z.string()),
    /** How many waited for it; the sweep begins the others. */
    waited: z.optional(z.int()),
    /** Domains that a retired server had. */
    told: z.optional(z.int()),
  }),
);

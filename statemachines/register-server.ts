/**
 * register-server: one step, whose input is the event. `npm run generate` draws
 * register-server.asl.json from it.
 */
import * as z from 'zod/mini';
import type { Machine } from './draw.ts';
import { rejection, toRejection } from './plain-states.ts';
import { step } from './step.ts';

export const RegisterServer = /* @__PURE__ */ step('RegisterServer', () => ({
  comment: `Checks the node's tag and the trust of its role, records the server, and wakes it: its first
    delivery inspects. Starts the order for its host name, and the domains that waited for it. A server
    that is retired belongs to nobody, and each of its domains is evaluated again. Nothing is on record
    before this step, so it waits as long as ClaimDomain while AWS is busy: {Throttled}.`,
  given: '{% $states.input %}',
  input: z.looseObject({ 'detail-type': z.optional(z.string()) }),
  output: z.object({
    server: z.string(),
    node: z.optional(z.string()),
    /** Domains that were started: the host name, and the first of those that waited. */
    woken: z.array(z.string()),
    /** How many waited for the server. The sweep starts the others. */
    waited: z.optional(z.int()),
    /** How many domains a retired server had. */
    told: z.optional(z.int()),
  }),
  throws: ['InvalidStepInput', 'Throttled'],
  retry: { Throttled: 'nothingOnRecord' },
  lambdaBusy: 'nothingOnRecord',
  roads: { InvalidStepInput: toRejection },
}));

export const registerServer = (): Machine => ({
  name: 'register-server',
  comment: `A mail server is registered, changed or retired: checked, recorded, inspected by its first
    delivery, and its own host name is secured like a domain.`,
  startAt: 'RegisterServer',
  states: { RegisterServer, ...rejection() },
});

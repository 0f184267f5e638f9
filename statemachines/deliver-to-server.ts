/**
 * deliver-to-server: from the work that waits for a server to what was seen served there. The steps
 * stand in the order of a round; `npm run generate` draws deliver-to-server.asl.json from them.
 */
import * as z from 'zod/mini';
import { DELIVERY_LIFETIME_SECONDS } from '../core/deliver-to-server/delivery.ts';
import type { Machine } from './draw.ts';
import { caught } from './failure.ts';
import { succeed, theError, unexpected } from './plain-states.ts';
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

/**
 * The server is tried again later, and its work stays. An execution that lost its claim leaves the
 * server to the new owner.
 */
const toRelease = { retry: 'ReleaseServer', ClaimLost: 'InOtherHands', unforeseen: 'ReleaseForPerson' };

export const AssembleDelivery = /* @__PURE__ */ step('AssembleDelivery', () => ({
  comment: `Reads the server's counter, then its work, and puts one object with all of the work under the
    server's own prefix. The first delivery to a server inspects it. Customers' certificates wait until
    the server's own host name was seen served.`,
  input: z.looseObject({ server: z.string(), execution }),
  output: assembled,
  throws: ['ClaimLost', 'RoleOpen', 'Throttled'],
  retry: { Throttled: 'awsBusyAtServer' },
  ends: { NothingToDeliver: { next: 'ReleaseServer', output: '{% $merge([$states.input, {"isIdle": true}]) %}' } },
  roads: toRelease,
  assign: { rounds: '{% $exists($states.input.rounds) ? $states.input.rounds + 1 : 1 %}' },
  next: 'SendDelivery',
}));

export const SendDelivery = /* @__PURE__ */ step('SendDelivery', () => ({
  comment: `Stores the task's token, and sends a command unless one already carries this delivery. The task
    goes on when SSM says that the command ended, or when the sweep has found that. It waits for 2,700 s:
    longer than the 600 s that SSM takes to reach a node and the 1,800 s that a command may run, and
    shorter than the lease.`,
  input: z.extend(assembled, { execution, token: z.string() }),
  // What the task goes on with is { commandId }, which comes with the token.
  output: z.object({ sent: z.boolean() }),
  given:
    '{% $merge([$states.input, {"execution": $states.context.Execution.Name, "token": $states.context.Task.Token}]) %}',
  tokenSeconds: DELIVERY_LIFETIME_SECONDS,
  throws: ['ClaimLost', 'DocumentChanged', 'ServerUnreachable', 'Throttled'],
  retry: { Throttled: 'awsBusy' },
  roads: { ...toRelease, 'States.Timeout': 'ReleaseServer' },
  handsOn: '{% $merge([$states.input, $states.result]) %}',
  next: 'RecordDelivery',
}));

export const RecordDelivery = /* @__PURE__ */ step('RecordDelivery', () => ({
  comment: `Reads the server's answer. What was seen served is installed; a refused entry waits with its
    reason, and its neighbours do not; a rollback keeps the old certificate. An answer to another delivery
    counts as no answer.`,
  input: z.extend(answered, { execution }),
  output: z.object({ server: z.string(), outcome: z.string(), served: z.int(), refused: z.int() }),
  throws: ['ClaimLost', 'HostCertificateLost', 'InstallBroken', 'ServerUnreachable', 'Throttled'],
  retry: { Throttled: 'awsBusyAtServer' },
  lambdaBusy: 'lambdaBusyAfterCommand',
  roads: toRelease,
  next: 'ReleaseServer',
}));

export const ReleaseServer = /* @__PURE__ */ step('ReleaseServer', () => ({
  comment: `Ends the claim if no work came meanwhile, else begins the next round. After a failed round the
    server gets a next try.`,
  input: z.looseObject({
    server: z.string(),
    execution,
    rounds: z.int(),
    error: z.optional(caught()),
    /** AssembleDelivery found nothing that may be delivered. */
    isIdle: z.optional(z.literal(true)),
  }),
  output: z.object({ server: z.string(), dueAt: z.optional(z.number()) }),
  given:
    '{% $merge([$states.input, {"execution": $states.context.Execution.Name, "rounds": $exists($rounds) ? $rounds : 0}]) %}',
  throws: ['ClaimLost', 'Throttled'],
  retry: { Throttled: 'awsBusyAtServer' },
  lambdaBusy: 'lambdaBusyAfterCommand',
  ends: {
    MoreWork: { next: 'AssembleDelivery', output: '{% {"server": $states.input.server, "rounds": $rounds} %}' },
  },
  roads: { ClaimLost: 'InOtherHands' },
}));

export const deliverToServer = (): Machine => ({
  name: 'deliver-to-server',
  comment: `One delivery at a time for a server. A delivery takes all the work that may be delivered now:
    it is assembled, sent by one SSM command, and recorded as far as it was seen served. Four states a
    round, shared by all domains in the delivery. The function that wakes a server starts the execution,
    and claims the server under the execution's name.`,
  startAt: 'AssembleDelivery',
  states: {
    ...{ AssembleDelivery, SendDelivery, RecordDelivery, ReleaseServer },
    ReleaseForPerson: {
      ...ReleaseServer,
      comment: `An error that no state names: the server gets a next try all the same, the execution fails,
        and a person is paged.`,
      ends: { MoreWork: { next: 'Unexpected', output: theError } },
      roads: { ClaimLost: { next: 'Unexpected', output: theError } },
      handsOn: theError,
      next: 'Unexpected',
    },
    Unexpected: unexpected,
    InOtherHands: succeed(`Another execution has the server. The work is on record, and that execution takes
      it along.`),
  },
});

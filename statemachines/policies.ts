/** How long a state machine waits before each retry of a step. Each wait doubles the one before. */

export interface Policy {
  /** Seconds before the first retry. */
  first: number;
  retries: number;
  /** Seconds that no wait is longer than. */
  longest: number;
  /** Each wait is a random share, so that many executions do not retry in the same second. */
  jitter?: true;
}

/** A CA that does not answer, where an order begins. */
const caAway = { first: 2, retries: 4, longest: 30 };
/** A CA that still works on an order. */
const caAtWork = { first: 2, retries: 5, longest: 30 };
/** Name servers that do not have a new value yet, and a CA that looks at them. */
const dnsSpreads = { first: 5, retries: 6, longest: 60 };

/**
 * A zone or a CNAME that was made together with its event. 2+4+8+16+30 s: half of them are found in
 * the first seconds, and the last retry comes 60 s after the event, when 40 s are taken as new. The
 * five transitions cost 0.0001 dollars, once for each wish.
 */
const dnsIsNew = { first: 2, retries: 5, longest: 30 };

/** Each call is marked PURE, so that the bundler leaves the policies out of the functions. */
function jittered(policy: Policy): Policy {
  return { ...policy, jitter: true };
}

export const policies = {
  caAway,
  caAtWork,
  dnsSpreads,
  dnsIsNew,
  /** The bus did not take an event. */
  busAway: { first: 1, retries: 4, longest: 10 },

  /** A service of AWS is busy. Where a step also waits for a CA, it waits as long for AWS. */
  awsBusy: { first: 2, retries: 6, longest: 30, jitter: true },
  awsBusyAtServer: { first: 1, retries: 6, longest: 30, jitter: true },
  awsBusyAtOrder: /* @__PURE__ */ jittered(caAway),
  awsBusyAtFinalize: /* @__PURE__ */ jittered(caAtWork),
  awsBusyAtValidate: /* @__PURE__ */ jittered(dnsSpreads),
  /** The event is not on record yet. If the step gives up, a person must redrive the execution. */
  nothingOnRecord: { first: 1, retries: 60, longest: 60, jitter: true },

  /**
   * Lambda takes no invocation now. The policy outlasts a burst of ten minutes, and two states in a
   * row that wait so long still fit into the lease of an hour.
   */
  lambdaBusy: { first: 2, retries: 30, longest: 60, jitter: true },
  /**
   * As many retries, closer together: the lease of 3,600 s without the 2,700 s of SendDelivery's
   * timer leaves 900 s for all retries of the next step.
   */
  lambdaBusyAfterCommand: { first: 2, retries: 30, longest: 28, jitter: true },
  /** IAM does not know a right everywhere yet. */
  rightUnseen: { first: 2, retries: 4, longest: 30 },
  /** Lambda failed, or the function ended without an answer. */
  lambdaFault: { first: 2, retries: 4, longest: 30, jitter: true },
} as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof policies;

/** Factor between a wait and the next. */
const RATE = 2;

/** @returns seconds before each retry; with jitter, at the most */
export function waitsOf({ first, retries, longest }: Policy): number[] {
  return Array.from({ length: retries }, (_, n) => Math.min(first * RATE ** n, longest));
}

/** @returns the policy as a Retry entry has it */
export function retrierOf({ first, retries, longest, jitter }: Policy): object {
  const numbers = { IntervalSeconds: first, MaxAttempts: retries, BackoffRate: RATE, MaxDelaySeconds: longest };
  return { ...numbers, ...(jitter && { JitterStrategy: 'FULL' }) };
}

/** @returns for a person, e.g. `4 retries after 2+4+8+16 s (30 s in all)` */
export function inWords(policy: Policy): string {
  const waits = waitsOf(policy);
  const same = waits.filter(wait => wait === policy.longest).length;
  const growing = waits.slice(0, waits.length - same);
  const shown = same > 2 ? `${growing.join('+')} s and then ${same} times ${policy.longest}` : waits.join('+');
  const total = waits.reduce((sum, wait) => sum + wait, 0);
  const all = total < 300 ? `${total} s` : `${Math.round(total / 60)} minutes`;
  const over = policy.jitter ? `${all} at the most, half of that on average` : `${all} in all`;
  return `${waits.length} retries after ${shown} s (${over})`;
}

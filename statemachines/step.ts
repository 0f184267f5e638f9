/**
 * A step is a state that runs a function of ours. It is declared once, in the file of its state
 * machine: lambdas/ takes the handler from the declaration, and draw.ts draws the state from it.
 */
import * as z from 'zod/mini';
import { isEnded, type Ended, type EndName } from '../core/ended.ts';
import { SealpostError, type ErrorName, type Remedy } from '../core/errors.ts';
import { withMoment } from './failure.ts';
import type { PolicyName } from './policies.ts';

/** The next state. It gets the step's input with the error as `error`, or `output` (JSONata). */
export type Road = string | { next: string; output: string };

/** Where an error leads: by its name, else by its remedy (core/errors.ts), else by `unforeseen`. */
export type Roads = { [On in ErrorName | Remedy | 'States.Timeout' | 'unforeseen']?: Road };

/** What draw.ts draws of a step. */
export interface Task {
  /** The name of the function. A state has the same name, except a second state of one function. */
  name: string;
  /** Why the state is there. `{Throttled}` becomes the retry policy for that error in words. */
  comment: string;
  /** JSONata of the function's input; by default the state's input with the execution's name. */
  given?: string;
  /** The task waits until its token comes back, for so many seconds. */
  tokenSeconds?: number;
  /** All errors of ours that the function throws. The state catches no other one by its name. */
  throws: readonly ErrorName[];
  /** Which of these are tried again, and how. */
  retry: { [Name in ErrorName]?: PolicyName };
  /** How an invocation is tried again that Lambda does not take now; by default `lambdaBusy`. */
  lambdaBusy?: PolicyName;
  /** Where each end leads. */
  ends?: { [Name in EndName]?: Road };
  /** Where an error leads after its retries. The execution fails with an error that has no road. */
  roads: Roads;
  /** JSONata of the variables that are set. */
  assign?: Record<string, string>;
  /** JSONata of what the next state gets; by default what the function returned. */
  handsOn?: string;
  /** Without it the execution ends here. */
  next?: string;
}

export interface Step<I, O, E extends EndName> extends Task {
  /**
   * Makes the Lambda's handler.
   * @param logic returns the step's output, or an end
   * @throws SealpostError InvalidStepOutput when the input or the output is not as declared
   */
  handler(logic: (input: I) => Promise<O | Ended<E>>): (event: unknown) => Promise<O>;
}

type Declaration<I, O, T extends ErrorName, E extends EndName> = Omit<Task, 'name' | 'throws' | 'retry' | 'ends'> & {
  input: I;
  output: O;
  throws: readonly T[];
  retry: { [Name in NoInfer<T>]?: PolicyName };
  ends?: Record<E, Road>;
};

/**
 * @param declare a function, and each call of `step` is marked PURE, so that the bundler leaves the
 *   other steps of the state machine out of a function's bundle
 */
export function step<I extends z.ZodMiniType, O extends z.ZodMiniType, T extends ErrorName, E extends EndName = never>(
  name: string,
  declare: () => Declaration<I, O, T, E>,
): Step<z.infer<I>, z.infer<O>, E> {
  const { input, output, ...drawn } = declare();
  return {
    ...drawn,
    name,
    handler: logic => async event => {
      const result = await outcome(() => logic(agreed(input, event, `${name}'s input`)));
      return agreed(output, result, `${name}'s output`);
    },
  };
}

/** Step Functions matches on the name of what is thrown, so an end is thrown, too. */
async function outcome<T>(logic: () => Promise<T>): Promise<Exclude<T, Ended>> {
  const result = await logic().catch((error: unknown) => Promise.reject(withMoment(error)));
  if (!isEnded(result)) return result as Exclude<T, Ended>;
  throw Object.assign(new Error(result.message), { name: result.ended });
}

function agreed<T extends z.ZodMiniType>(schema: T, value: unknown, what: string): z.infer<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new SealpostError('InvalidStepOutput', {
    about: what,
    message: `${what} is not as agreed at ${issue.path.join('.') || 'its root'}: ${issue.code}`,
  });
}

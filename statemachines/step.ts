/** A step's edge: its input and its output are parsed with the schema beside the state machine, and between them is core/. */
import * as z from 'zod/mini';
import { isEnded, type Ended } from '../core/ended.ts';
import { SealpostError } from '../core/errors.ts';
import { withMoment } from './failure.ts';

export interface Step<I, O> {
  /**
   * Makes the Lambda's handler.
   * @param logic returns the step's output, or an end
   * @throws SealpostError InvalidStepOutput when the state before, or this one, gave something else than agreed
   */
  handler(logic: (input: I) => Promise<O | Ended>): (event: unknown) => Promise<O>;
}

export function step<I extends z.ZodMiniType, O extends z.ZodMiniType>(
  name: string,
  input: I,
  output: O,
): Step<z.infer<I>, z.infer<O>> {
  return {
    handler: logic => async event => {
      const result = await outcome(() => logic(agreed(input, event, `${name}'s input`)));
      return agreed(output, result, `${name}'s output`);
    },
  };
}

/** Step Functions matches on the name of what is thrown: an end is thrown, too, and an error with the moment of its retry. */
async function outcome<T>(logic: () => Promise<T | Ended>): Promise<Exclude<T, Ended>> {
  const result = await logic().catch((error: unknown) => Promise.reject(withMoment(error)));
  if (!isEnded(result)) return result as Exclude<T, Ended>;
  throw Object.assign(new Error(result.message), { name: result.ended });
}

function agreed<T extends z.ZodMiniType>(schema: T, value: unknown, what: string): z.infer<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new SealpostError(
    'InvalidStepOutput',
    what,
    `${what} is not as agreed at ${issue.path.join('.') || 'its root'}: ${issue.code}`,
  );
}

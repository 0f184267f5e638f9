/** A step's edge: its input and its output are parsed with the schema beside the state machine, and between them is core/. */
import * as z from 'zod/mini';
import { SealpostError } from '../core/errors.ts';

export interface Step<I, O> {
  /** Makes the Lambda's handler. @throws SealpostError InvalidStepOutput when the state before, or this one, gave something else than agreed */
  handler(logic: (input: I) => Promise<O>): (event: unknown) => Promise<O>;
}

export function step<I extends z.ZodMiniType, O extends z.ZodMiniType>(
  name: string,
  input: I,
  output: O,
): Step<z.infer<I>, z.infer<O>> {
  return {
    handler: logic => async event =>
      agreed(output, await logic(agreed(input, event, `${name}'s input`)), `${name}'s output`),
  };
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

/** The error that a Catch hands on. */
export const caught = z.object({ Error: z.string(), Cause: z.optional(z.string()) });

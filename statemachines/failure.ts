/**
 * How an error travels from one step to another. Step Functions hands on a name and a text: `Error`, and `Cause`, which
 * is `{"errorType", "errorMessage", "trace"}` as JSON where a function threw. An error that says when a retry makes
 * sense needs a third value, so its message is JSON here. Elsewhere messages are prose.
 */
import * as z from 'zod/mini';
import { isSealpostError, type Failure } from '../core/errors.ts';

/** The schema of what a Catch puts into a state's input as `error`; parsed, it is a Failure. */
export const caught = () =>
  z.pipe(z.object({ Error: z.string(), Cause: z.optional(z.string()) }), z.transform(failureOf));

function failureOf({ Error: name, Cause = name }: { Error: string; Cause?: string }): Failure {
  const text = parsed(z.object({ errorMessage: z.string() }), Cause)?.errorMessage ?? Cause;
  return { name, ...(parsed(z.strictObject({ message: z.string(), retryAt: z.number() }), text) ?? { message: text }) };
}

/** @returns what a handler throws for an error that its logic threw: the same, but with the moment of its retry in the message */
export function withMoment(error: unknown): unknown {
  if (!isSealpostError(error) || error.retryAt === undefined) return error;
  const { name, message, retryAt, stack } = error;
  const text = JSON.stringify({ message, retryAt });
  return Object.assign(new Error(text, { cause: error }), { name, stack });
}

/** @returns undefined for what is not JSON of this shape */
function parsed<T extends z.ZodMiniType>(schema: T, text: string): z.infer<T> | undefined {
  try {
    return z.safeParse(schema, JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

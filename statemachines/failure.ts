/**
 * How an error gets from one step to another. A Catch of Step Functions hands on two texts:
 * `Error`, the name, and `Cause`. If a function threw, `Cause` is JSON: `{"errorType",
 * "errorMessage", "trace"}`. An error with a `retryAt` needs a third value, so its `errorMessage`
 * is JSON, too: `{"message", "retryAt"}`. Everywhere else a message is prose.
 */
import * as z from 'zod/mini';
import { isSealpostError, type Failure } from '../core/errors.ts';

/** The schema of `error` in a state's input, as a Catch put it there. It parses to a Failure. */
export const caught = () =>
  z.pipe(z.object({ Error: z.string(), Cause: z.optional(z.string()) }), z.transform(failureOf));

function failureOf({ Error: name, Cause = name }: { Error: string; Cause?: string }): Failure {
  const text = parsed(z.object({ errorMessage: z.string() }), Cause)?.errorMessage ?? Cause;
  return { name, ...(parsed(z.strictObject({ message: z.string(), retryAt: z.number() }), text) ?? { message: text }) };
}

/** @returns the error as a handler throws it: with `retryAt` in the message, if it has one */
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

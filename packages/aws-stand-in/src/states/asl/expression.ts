/**
 * JSONata as Step Functions configures it: `{% … %}` must fill the whole string, no result may be
 * undefined, AWS adds six functions, and there is no `$eval`. The messages are AWS's own, word for
 * word, because a Catch may compare them. The version of JSONata is AWS's, 2.0.6 (Step Functions
 * developer guide, "Transforming data").
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomUUID } from 'node:crypto';
import jsonata from 'jsonata';
import { StateError } from './state-error.ts';

/** `states` and the machine's variables, by their names without `$`. */
export type Bindings = Record<string, unknown>;
type JsonType = 'array' | 'boolean' | 'null' | 'number' | 'object' | 'string';

/**
 * An expression of a state machine is small. An expression that runs longer than this, in
 * milliseconds, or deeper, in parts of an expression within one another, loops.
 */
const most = { timeMs: 5_000, depth: 1_500 };

/** One evaluation that is under way. */
const running = new AsyncLocalStorage<{ until: number; depth: number }>();

const delimited = /^\{%([\s\S]*)%\}$/;
const compiled = new Map<string, jsonata.Expression>();

/** The JSONata inside `{% %}`, trimmed; undefined for a plain string. */
export function expressionIn(text: string): string | undefined {
  return delimited.exec(text)?.[1]!.trim();
}

/** @throws the parser's error (`code`, `message`) for a syntax error. */
export function compile(source: string): jsonata.Expression {
  const known = compiled.get(source);
  if (known) return known;
  const expression = jsonata(source);
  // JSONata's own way to bound an evaluation (its guide, "Embedding and extending JSONata").
  const at = (entry: 'entry' | 'exit') => Symbol.for(`jsonata.__evaluate_${entry}`) as unknown as string;
  expression.assign(at('entry'), () => {
    const one = running.getStore()!;
    one.depth++;
    if (one.depth > most.depth) throw { code: 'U1001', message: 'Stack overflow error' };
    if (Date.now() > one.until) throw { code: 'U1001', message: 'Expression evaluation timeout' };
  });
  expression.assign(at('exit'), () => void running.getStore()!.depth--);
  for (const [name, implementation] of Object.entries(functions)) expression.registerFunction(name, implementation);
  compiled.set(source, expression);
  return expression;
}

/**
 * Evaluates every expression in a field's value.
 * @param field path in AWS's spelling, for the message: `Output/list[0]`
 * @throws StateError States.QueryEvaluationError
 */
export async function evaluate(value: unknown, field: string, bindings: Bindings): Promise<unknown> {
  if (typeof value === 'string') {
    const source = expressionIn(value);
    return source === undefined ? value : evaluateSource(source, field, bindings);
  }
  if (Array.isArray(value)) {
    return Promise.all(value.map((item, index) => evaluate(item, `${field}[${index}]`, bindings)));
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(async ([key, item]) => [
      key,
      await evaluate(item, `${field}/${key}`, bindings),
    ]);
    return Object.fromEntries(await Promise.all(entries));
  }
  return value;
}

/** As `evaluate`, but the result must be of the field's type. */
export async function evaluateAs<T>(value: unknown, type: JsonType, field: string, bindings: Bindings): Promise<T> {
  const result = await evaluate(value, field, bindings);
  const actual = jsonType(result);
  if (actual === type) return result as T;
  const source = typeof value === 'string' ? (expressionIn(value) ?? value) : JSON.stringify(value);
  const problem = `returned an unexpected result type. Expected '${type}', but was '${actual}' for value: ${JSON.stringify(result)}`;
  throw failure(source, field, problem);
}

async function evaluateSource(source: string, field: string, bindings: Bindings): Promise<unknown> {
  let result: unknown;
  try {
    const expression = compile(source);
    const bounds = { until: Date.now() + most.timeMs, depth: 0 };
    result = await running.run(bounds, () => expression.evaluate(undefined, bindings));
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw failure(source, field, `threw an error during evaluation. ${code ? `${code}: ` : ''}${message}`);
  }
  if (result === undefined) throw failure(source, field, 'returned nothing (undefined).');
  try {
    return plainJson(result);
  } catch {
    throw failure(source, field, 'returned an unsupported result type.');
  }
}

function failure(source: string, field: string, problem: string): StateError {
  const cause = `The JSONata expression '${source}' specified for the field '${field}' ${problem}`;
  return new StateError('States.QueryEvaluationError', cause, { location: field });
}

function jsonType(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
}

/**
 * Only JSON may leave an expression: JSONata marks its sequences, and its functions are objects.
 */
function plainJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(item => (item === undefined ? null : plainJson(item)));
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'object' || '_jsonata_lambda' in value || '_jsonata_function' in value) {
    throw new TypeError('not JSON');
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, plainJson(item)]));
}

/** The names of the algorithms in Step Functions and in node:crypto. */
const hashes = new Map(
  ['MD5', 'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].map(n => [n, n.replace('-', '').toLowerCase()]),
);

/** An error as JSONata throws it: the library makes the message for the code. */
const notAFunction = { code: 'T1006' };

const functions: Record<string, (...args: any[]) => unknown> = {
  partition(list: unknown[], size: number) {
    if (!Array.isArray(list) || !(size >= 1)) throw new TypeError('$partition needs an array and a size of at least 1');
    return Array.from({ length: Math.ceil(list.length / size) }, (_, n) => list.slice(n * size, (n + 1) * size));
  },
  range(first: number, last: number, step: number) {
    if (!step) throw new TypeError('$range needs a step other than 0');
    const length = Math.max(0, Math.floor((last - first) / step) + 1);
    if (length > 1_000) throw new RangeError('$range makes at most 1000 items');
    const numbers = Array.from({ length }, (_, n) => first + n * step);
    // AWS gives a sequence, and a sequence of one value is that value.
    return length === 1 ? first : numbers;
  },
  hash(data: unknown, algorithm: string) {
    const name = hashes.get(algorithm);
    if (!name) throw new TypeError(`$hash knows ${[...hashes.keys()].join(', ')}, not ${algorithm}`);
    return createHash(name)
      .update(typeof data === 'string' ? data : JSON.stringify(data))
      .digest('hex');
  },
  /**
   * The same seed gives the same number, as on AWS. AWS's generator is not known, so the numbers
   * differ.
   */
  random(seed?: number) {
    if (seed === undefined) return Math.random();
    return createHash('sha256').update(String(seed)).digest().readUInt32BE() / 2 ** 32;
  },
  uuid: () => randomUUID(),
  parse: (text: string) => JSON.parse(text),
  eval() {
    throw notAFunction;
  },
};

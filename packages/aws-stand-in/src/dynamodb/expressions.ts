/**
 * DynamoDB's expressions. dynalite parses them and knows AWS's error texts and reserved words; this
 * file evaluates them. dynalite's own evaluation has two errors: it compares lists and maps by
 * reference and sets by length, and it removes list elements one after the other, where AWS removes
 * them by their old positions.
 *
 * Items are in stored form: the SDK's AttributeValue as JSON, with bytes in base64.
 */
import db from 'dynalite/db/index.js';
import validations from 'dynalite/validations/index.js';
import { AwsError } from '../service/service.ts';

export type Value = Record<string, any>;
export type Item = Record<string, Value>;
type Path = (string | number)[];

export interface Expressions {
  condition?: any;
  keyConditions?: Record<string, { ComparisonOperator: string; AttributeValueList: Value[] }>;
  filter?: { expression: any; pathHeads: Record<string, true>; nestedPaths: any };
  projection?: { paths: Path[]; nestedPaths: any };
  updates?: { sections: any[]; paths: Path[]; nestedPaths: any };
}

export function invalid(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

/**
 * dynalite returns a mistake instead of throwing it.
 * @throws AwsError ValidationException with `message`, if there is one
 */
export function check(message: string | Error | null | undefined): void {
  if (message) throw invalid(typeof message === 'string' ? message : message.message);
}

/**
 * From the SDK's form to the stored form, with numbers in plain form.
 * @throws AwsError ValidationException with AWS's text
 */
export function toStored(item: Item): Item {
  const stored = convertItem(item, bytes => Buffer.from(bytes).toString('base64'));
  for (const value of Object.values(stored)) check(validations.validateAttributeValue(value));
  return stored;
}

export function fromStored(item: Item): Item {
  return convertItem(item, base64 => new Uint8Array(Buffer.from(base64, 'base64')));
}

function convertItem(item: Item, bytes: (value: any) => any): Item {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, convert(value, bytes)]));
}

function convert(value: Value, bytes: (value: any) => any): Value {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.map(([type, inner]) => {
      if (type === 'B') return [type, bytes(inner)];
      if (type === 'BS') return [type, inner.map(bytes)];
      if (type === 'L') return [type, inner.map((element: Value) => convert(element, bytes))];
      if (type === 'M') return [type, convertItem(inner, bytes)];
      return [type, inner];
    }),
  );
}

/**
 * Parses all expressions of a request together, because each name and value must be used by at
 * least one of them.
 */
export function parseExpressions(request: any, names: string[]): Expressions {
  const data: any = Object.fromEntries(names.map(name => [name, request[name]]));
  data.ExpressionAttributeNames = request.ExpressionAttributeNames;
  if (request.ExpressionAttributeValues) {
    data.ExpressionAttributeValues = convertItem(request.ExpressionAttributeValues, bytes =>
      Buffer.from(bytes).toString('base64'),
    );
  }
  check(validations.validateExpressionParams(data, names, []));
  check(validations.validateExpressions(data));
  const parsed: Expressions = {
    condition: data._condition?.expression,
    filter: data._filter,
    projection: data._projection,
    updates: data._updates,
  };
  if (data._keyCondition) {
    const conditions = validations.convertKeyCondition(data._keyCondition.expression);
    if (typeof conditions === 'string') throw invalid(conditions);
    check(validations.validateConditions(conditions));
    parsed.keyConditions = conditions;
  }
  return parsed;
}

/** True if a condition or filter holds for an item. An item that does not exist is `{}`. */
export function matches(item: Item, expression: any): boolean {
  const { type, args } = expression;
  if (type === 'and') return matches(item, args[0]) && matches(item, args[1]);
  if (type === 'or') return matches(item, args[0]) || matches(item, args[1]);
  if (type === 'not') return !matches(item, args[0]);
  const operator = type === 'function' ? expression.name : type;
  const [first, ...others]: (Value | undefined)[] = args.map((arg: any) => operand(arg, item));
  if (operator === 'attribute_exists') return first !== undefined;
  if (operator === 'attribute_not_exists') return first === undefined;
  if (operator === '<>') return !first || !others[0] || !same(first, others[0]);
  if (!first || others.some(other => !other)) return false;
  if (operator === '=' || operator === 'in') return others.some(other => same(first, other!));
  if (operator === 'attribute_type') return Object.keys(first)[0] === others[0]!.S;
  return db.compare(operator, first, others) === true;
}

function operand(arg: any, item: Item): Value | undefined {
  if (Array.isArray(arg)) return db.mapPath(arg, item) ?? undefined;
  if (arg.type !== 'function') return arg;
  const [type, inner] = Object.entries(operand(arg.args[0], item) ?? {})[0] ?? [];
  if (type === 'B') return { N: String(Buffer.from(inner, 'base64').length) };
  if (type === 'M') return { N: String(Object.keys(inner).length) };
  return type === 'S' || Array.isArray(inner) ? { N: String(inner.length) } : undefined;
}

function same(a: Value, b: Value): boolean {
  const type = Object.keys(a)[0]!;
  if (type !== Object.keys(b)[0]) return false;
  const [x, y] = [a[type], b[type]];
  if (type === 'L') return x.length === y.length && x.every((element: Value, i: number) => same(element, y[i]));
  if (type === 'M') {
    const names = Object.keys(x);
    return names.length === Object.keys(y).length && names.every(name => y[name] && same(x[name], y[name]));
  }
  if (Array.isArray(x)) return x.length === y.length && x.every(element => y.includes(element));
  return x === y;
}

/** The item after an update expression. Every operand is read from the item as it was before. */
export function applyUpdate(before: Item, sections: any[]): Item {
  const after = structuredClone(before);
  const lists = new Set<(Value | undefined)[]>();
  for (const section of sections) {
    const name = section.path.at(-1);
    const parent = db.mapPath(section.path.slice(0, -1), after);
    const holder = typeof name === 'number' ? parent?.L : parent?.M;
    if (!holder) throw invalid('The document path provided in the update expression is invalid for update');
    if (Array.isArray(holder)) lists.add(holder);
    const value = newValue(section, holder[name], before);
    if (value) holder[name] = value;
    else if (Array.isArray(holder)) holder[name] = undefined;
    else delete holder[name];
  }
  // A removed element leaves a hole until all sections have run. Then a value that was set beyond
  // the end moves up to it.
  for (const list of lists) list.splice(0, list.length, ...list.filter(Boolean));
  return after;
}

function newValue(section: any, existing: Value | undefined, before: Item): Value | undefined {
  if (section.type === 'remove') return undefined;
  if (section.type === 'set') return evaluate(section.val, before);
  const type: string = section.attrType;
  if (existing && !(type in existing)) throw wrongType();
  if (type === 'N') return sum(existing ?? { N: '0' }, section.val, 1n);
  const [old, change]: string[][] = [existing?.[type] ?? [], section.val[type]];
  const elements =
    section.type === 'add'
      ? [...old, ...change.filter(element => !old.includes(element))]
      : old.filter(element => !change.includes(element));
  return elements.length ? { [type]: elements } : undefined;
}

function evaluate(value: any, before: Item): Value {
  if (Array.isArray(value)) {
    const found = db.mapPath(value, before);
    if (!found) throw invalid('The provided expression refers to an attribute that does not exist in the item');
    return found;
  }
  if (!value.type) return value;
  if (value.name === 'if_not_exists') return db.mapPath(value.args[0], before) ?? evaluate(value.args[1], before);
  const [left, right] = value.args.map((arg: any) => evaluate(arg, before)) as [Value, Value];
  if (value.name === 'list_append') {
    if (!left.L || !right.L) throw wrongType();
    return { L: [...left.L, ...right.L] };
  }
  return sum(left, right, value.type === 'add' ? 1n : -1n);
}

/** Exact arithmetic: DynamoDB's numbers have 38 digits, JavaScript's have 15. */
function sum(left: Value, right: Value, sign: bigint): Value {
  if (left.N === undefined || right.N === undefined) throw wrongType();
  const fraction = (number: string) => number.split('.')[1] ?? '';
  const scale = Math.max(fraction(left.N).length, fraction(right.N).length);
  const scaled = (number: string) => BigInt(number.split('.')[0] + fraction(number).padEnd(scale, '0'));
  const total = scaled(left.N) + sign * scaled(right.N);
  const digits = (total < 0n ? -total : total).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  const result = { N: `${total < 0n ? '-' : ''}${digits.slice(0, point)}${scale ? `.${digits.slice(point)}` : ''}` };
  check(validations.validateAttributeValue(result));
  return result;
}

function wrongType(): AwsError {
  return invalid('An operand in the update expression has an incorrect data type');
}

/**
 * A conditional write as data, so that the write can be sent twice. If DynamoDB's answer is lost,
 * the SDK sends the write again, and the first one has made the condition false. DynamoDB then
 * refuses the second one and shows the item: if the item already is as the change wants it to be,
 * the change is done.
 */
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { isDeepStrictEqual } from 'node:util';

type Item = Record<string, unknown>;
/** Values by path, for instance `delivery.commandId`; undefined: the attribute is absent. */
type Attributes = Record<string, unknown>;

export interface Change {
  /** The attributes as they shall be. */
  to: Attributes;
  /** The condition: attributes as they have to be before. */
  when: Attributes;
  /** What is added to numbers and sets, in the same write. */
  add?: Attributes;
}

/** A write in DynamoDB's expressions: every attribute is written `#name`, every value `:name`. */
export interface Write {
  set: string;
  condition?: string;
  values?: Record<string, unknown>;
}

class Attribute {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

/** Stands for the value of another attribute of the same item. */
export const attribute = (path: string): Attribute => new Attribute(path);
/** In a condition: the attribute is there, whatever its value. */
export const present = Symbol('present');

export function writeOf({ to, when, add = {} }: Change): Write {
  const values: Item = {};
  const operand = (value: unknown) => {
    if (value instanceof Attribute) return alias(value.path);
    const name = `v${Object.keys(values).length}`;
    values[name] = value;
    return `:${name}`;
  };
  const wanted = Object.entries(to);
  const set = wanted.flatMap(([path, value]) => (value === undefined ? [] : [`${alias(path)} = ${operand(value)}`]));
  const remove = wanted.flatMap(([path, value]) => (value === undefined ? [alias(path)] : []));
  const added = Object.entries(add).map(([path, value]) => `${alias(path)} ${operand(value)}`);
  const conditions = Object.entries(when).map(([path, value]) => {
    if (value === undefined) return `attribute_not_exists(${alias(path)})`;
    return value === present ? `attribute_exists(${alias(path)})` : `${alias(path)} = ${operand(value)}`;
  });
  const clauses = Object.entries({ SET: set, REMOVE: remove, ADD: added });
  return {
    set: clauses.flatMap(([name, parts]) => (parts.length > 0 ? [`${name} ${parts.join(', ')}`] : [])).join(' '),
    condition: conditions.join(' AND '),
    values,
  };
}

/**
 * @returns true if each attribute is as the change wants it to be, and the condition still holds
 *   for the attributes that the change leaves alone. What the change adds was written with these
 *   attributes or not at all
 */
export function isDone(item: Item, { to, when }: Change): boolean {
  const is = ([path, wanted]: [string, unknown]) => {
    const value = at(item, path);
    if (wanted === present) return value !== undefined;
    return isDeepStrictEqual(value, wanted instanceof Attribute ? at(item, wanted.path) : stored(wanted));
  };
  const isTouched = (path: string) => Object.keys(to).some(changed => `${path}.`.startsWith(`${changed}.`));
  return (
    Object.entries(to).every(is) && Object.entries(when).every(([path, value]) => isTouched(path) || is([path, value]))
  );
}

/** The value as the table gives it back: members without a value are gone. */
export function stored(value: unknown): unknown {
  return unmarshall(marshall({ value }, { removeUndefinedValues: true })).value;
}

function alias(path: string): string {
  return path
    .split('.')
    .map(name => `#${name}`)
    .join('.');
}

function at(item: Item, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (value as Item | undefined)?.[name], item);
}

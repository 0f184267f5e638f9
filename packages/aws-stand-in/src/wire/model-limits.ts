/**
 * What AWS's models say and the SDK's schemas do not: the length, range and pattern of each member,
 * and the errors that an operation declares. The models are in `models/`, for the operations that
 * are done here; test/aws-words/models.ts writes them.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { NormalizedSchema } from '@smithy/core/schema';

interface Limits {
  min?: number;
  max?: number;
  pattern?: string;
  /** Of each item of a list. */
  member?: Limits;
  /** Of each name and each value of a map. */
  key?: Limits;
  value?: Limits;
}

export interface ServiceModel {
  /** By operation. */
  errors: Record<string, string[]>;
  /** By `<structure>.<member>`. */
  members: Record<string, Limits>;
}

export function modelOf(service: string): ServiceModel | undefined {
  const file = new URL(`models/${service}.json`, import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ServiceModel) : undefined;
}

/** @returns AWS's text of the first limit that `value` does not keep, at any depth */
export function limitBroken(
  model: ServiceModel,
  shape: NormalizedSchema,
  value: any,
  path: string,
  limits?: Limits,
): string | undefined {
  if (value == null || shape.isUnitSchema()) return undefined;
  const own = limits && ofValue(value, path, limits);
  if (own !== undefined) return own;
  if (shape.isListSchema())
    return first([...value.entries()], ([index, item]) =>
      limitBroken(model, shape.getValueSchema(), item, `${path}.${index + 1}.member`, limits?.member),
    );
  if (shape.isMapSchema())
    return first(
      Object.entries(value),
      ([name, item]) =>
        (limits?.key && ofValue(name, `${path}.${name}`, limits.key)) ??
        limitBroken(model, shape.getValueSchema(), item, `${path}.${name}`, limits?.value),
    );
  if (!shape.isStructSchema()) return undefined;
  const structure = shape.getName()!.replace(/^.*#/, '');
  return first([...shape.structIterator()], ([name, member]) =>
    limitBroken(
      model,
      member,
      value[name],
      `${path && `${path}.`}${name.charAt(0).toLowerCase()}${name.slice(1)}`,
      model.members[`${structure}.${name}`],
    ),
  );
}

function ofValue(value: any, path: string, { min, max, pattern }: Limits): string | undefined {
  const text = typeof value === 'string';
  const failed = (constraint: string) =>
    `1 validation error detected: Value${text ? ` '${value}'` : ''} at '${path}' failed to satisfy constraint: Member must ${constraint}`;
  const size = sizeOf(value);
  const what = typeof value === 'number' ? 'have value' : 'have length';
  if (size !== undefined && min !== undefined && size < min) return failed(`${what} greater than or equal to ${min}`);
  if (size !== undefined && max !== undefined && size > max) return failed(`${what} less than or equal to ${max}`);
  if (text && pattern !== undefined && !new RegExp(`^(?:${pattern})$`, 'u').test(value))
    return failed(`satisfy regular expression pattern: ${pattern}`);
  return undefined;
}

function sizeOf(value: any): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
    ? Object.keys(value).length
    : undefined;
}

function first<T>(items: T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

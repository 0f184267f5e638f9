import type { NormalizedSchema } from '@smithy/core/schema';

/**
 * The path of the first required member that `value` lacks, at any depth. A structure's schema
 * counts its required members, which come first.
 */
export function missingMember(shape: NormalizedSchema, value: any, path: string): string | undefined {
  if (value == null) return undefined;
  if (shape.isListSchema())
    return first([...value.entries()], ([index, item]) =>
      missingMember(shape.getValueSchema(), item, `${path}.${index + 1}.member`),
    );
  if (shape.isMapSchema())
    return first(Object.entries(value), ([key, item]) => missingMember(shape.getValueSchema(), item, `${path}.${key}`));
  if (!shape.isStructSchema() || shape.isUnitSchema()) return undefined;
  const required = ((shape.getSchema() as any[])[6] ?? 0) as number;
  let index = 0;
  for (const [name, member] of shape.structIterator()) {
    const at = path ? `${path}.${name}` : name;
    if (index++ < required && value[name] == null) return at;
    const inner = missingMember(member, value[name], at);
    if (inner) return inner;
  }
  return undefined;
}

function first<T>(items: T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found) return found;
  }
  return undefined;
}

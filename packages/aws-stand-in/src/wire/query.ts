/**
 * The awsQuery protocol: form fields by name (`Filter.1.Name=x`). IAM and STS use it, and so do
 * clients of SQS's older protocol.
 */
import { XmlShapeDeserializer, XmlShapeSerializer } from '@aws-sdk/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';

const settings = (serviceNamespace: string) => ({
  timestampFormat: { useTrait: true, default: 5 as const },
  httpBindings: false,
  xmlNamespace: undefined as any,
  serviceNamespace,
});
const texts = new XmlShapeDeserializer(settings('')) as any;

/** Reads the value under `prefix` by its shape; undefined if there is none. */
export function readQuery(shape: NormalizedSchema, form: URLSearchParams, prefix: string): any {
  const present = (name: string) => form.has(name) || [...form.keys()].some(key => key.startsWith(`${name}.`));
  const traits = shape.getMergedTraits() as any;
  if (prefix && !present(prefix)) return undefined;
  if (shape.isListSchema()) {
    const item = shape.getValueSchema();
    const itemName = (item.getMergedTraits() as any).xmlName ?? 'member';
    return numbered(traits.xmlFlattened ? prefix : `${prefix}.${itemName}`, present, name =>
      readQuery(item, form, name),
    );
  }
  if (shape.isMapSchema()) {
    const [key, value] = [shape.getKeySchema(), shape.getValueSchema()];
    const keyName = (key.getMergedTraits() as any).xmlName ?? 'key';
    const valueName = (value.getMergedTraits() as any).xmlName ?? 'value';
    const entries = numbered(traits.xmlFlattened ? prefix : `${prefix}.entry`, present, name => [
      form.get(`${name}.${keyName}`),
      readQuery(value, form, `${name}.${valueName}`),
    ]);
    return Object.fromEntries(entries);
  }
  if (shape.isStructSchema()) {
    const found: Record<string, any> = {};
    for (const [name, member] of shape.structIterator()) {
      const wireName = (member.getMergedTraits() as any).xmlName ?? name;
      const value = readQuery(member, form, prefix ? `${prefix}.${wireName}` : wireName);
      if (value !== undefined) found[name] = value;
    }
    return found;
  }
  return texts.stringDeserializer.read(shape, form.get(prefix));
}

function numbered<T>(prefix: string, present: (name: string) => boolean, read: (name: string) => T): T[] {
  const found: T[] = [];
  while (present(`${prefix}.${found.length + 1}`)) found.push(read(`${prefix}.${found.length + 1}`));
  return found;
}

// SQS of 2012 flattens its lists and maps under these names. The JSON model of the SDK does not
// have them any more (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference, the
// query form of each operation).
const FLATTENED: Record<string, string> = {
  AttributeNames: 'AttributeName',
  MessageAttributeNames: 'MessageAttributeName',
  Attributes: 'Attribute',
  MessageAttributes: 'MessageAttribute',
  Messages: 'Message',
  QueueUrls: 'QueueUrl',
  queueUrls: 'QueueUrl',
  Failed: 'BatchResultErrorEntry',
};

/** The shape in the older protocol: lists and maps flattened, with the names of that time. */
export function queryShape(schema: any, operation: string): any {
  const shape = NormalizedSchema.of(schema);
  if (!shape.isStructSchema() || shape.isUnitSchema()) return schema;
  const source = shape.getSchema() as any[];
  const members = [...shape.structIterator()].map(([name, member]) => {
    const wireName =
      { Entries: `${operation}RequestEntry`, Successful: `${operation}ResultEntry` }[name] ?? FLATTENED[name] ?? name;
    const traits = { xmlFlattened: 1, xmlName: wireName };
    if (member.isListSchema())
      return [[1, source[1], `${name}List`, 0, queryShape(member.getValueSchema(), operation)], traits];
    if (member.isMapSchema()) {
      const value = queryShape(member.getValueSchema(), operation);
      return [[2, source[1], `${name}Map`, 0, [0, { xmlName: 'Name' }], [value, { xmlName: 'Value' }]], traits];
    }
    return member.isStructSchema() ? queryShape(member, operation) : source[5][source[4].indexOf(name)];
  });
  return [source[0], source[1], source[2], 0, source[4], members, source[6]];
}

/** A structure as XML, even if its client uses another protocol today. */
export function serializeXml(wire: any, shape: any, value: any): string {
  const serializer = new XmlShapeSerializer(settings(wire.options.defaultNamespace));
  serializer.write(shape, value);
  return String(serializer.flush());
}

export function renamed(schema: any, name: string): any {
  const source = NormalizedSchema.of(schema).getSchema() as any[];
  return [3, source[1], name, 0, source[4], source[5]];
}

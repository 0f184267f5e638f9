/**
 * REST protocols: the HTTP bindings of a schema say which members of an input or output travel in
 * the path, the query, the headers or the body.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import type { Answer, Message } from './message.ts';
import { AwsError } from '../service/service.ts';

export async function readRest(
  wire: any,
  shape: NormalizedSchema,
  labels: Record<string, string>,
  message: Message,
): Promise<any> {
  const input: Record<string, any> = {};
  const texts = wire.deserializer.stringDeserializer;
  const inBody: string[] = [];
  for (const [name, member] of shape.structIterator()) {
    const traits = member.getMergedTraits() as any;
    if (traits.httpLabel) {
      if (labels[name] !== undefined) input[name] = texts.read(member, labels[name]);
    } else if (traits.httpHeader) {
      const value = message.headers[traits.httpHeader.toLowerCase()];
      if (value !== undefined) input[name] = texts.read(member, value);
    } else if (traits.httpQuery) {
      const values = message.query[traits.httpQuery];
      if (values)
        input[name] = member.isListSchema()
          ? values.map(value => texts.read(member.getValueSchema(), value))
          : texts.read(member, values[0]);
    } else if (typeof traits.httpPrefixHeaders === 'string') {
      const prefix = traits.httpPrefixHeaders.toLowerCase();
      const found = Object.entries(message.headers).filter(([header]) => header.startsWith(prefix));
      if (found.length)
        input[name] = Object.fromEntries(found.map(([header, value]) => [header.slice(prefix.length), value]));
    } else if (traits.httpQueryParams) {
      throw new AwsError('NotImplemented', `Free query parameters (${name}) are not part of the stand-in`, {
        status: 501,
      });
    } else if (traits.httpPayload) {
      if (member.isStreaming()) input[name] = message.body;
      else if (message.body.length) input[name] = await wire.deserializer.read(member, message.body);
    } else inBody.push(name);
  }
  if (inBody.length && message.body.length)
    Object.assign(input, await wire.deserializer.read(pick(requestBodies, shape, inBody), message.body));
  return input;
}

export function writeRest(wire: any, shape: NormalizedSchema, value: any, status: number): Answer {
  const answer: Answer = { status, headers: {}, body: '' };
  const inBody: string[] = [];
  for (const [name, member] of shape.structIterator()) {
    const traits = member.getMergedTraits() as any;
    const bound = traits.httpHeader || traits.httpResponseCode || traits.httpPrefixHeaders || traits.httpPayload;
    if (!bound) inBody.push(name);
    if (value[name] == null) continue;
    if (traits.httpHeader) answer.headers[traits.httpHeader.toLowerCase()] = serialize(wire, member, value[name]);
    else if (traits.httpResponseCode) answer.status = value[name];
    else if (traits.httpPrefixHeaders)
      for (const [key, text] of Object.entries<string>(value[name]))
        answer.headers[traits.httpPrefixHeaders.toLowerCase() + key.toLowerCase()] = text;
    else if (traits.httpPayload)
      answer.body =
        member.isBlobSchema() || member.isStringSchema() ? value[name] : serialize(wire, member, value[name]);
  }
  if (inBody.length) answer.body = serialize(wire, pick(responseBodies, shape, inBody), value);
  if (typeof answer.body === 'string' && answer.body.startsWith('<'))
    answer.body = `<?xml version="1.0" encoding="UTF-8"?>\n${answer.body}`;
  const type = typeof answer.body === 'string' ? wire.getDefaultContentType() : 'binary/octet-stream';
  if (answer.body.length) answer.headers['content-type'] ??= type;
  // A part of an object has status 206. The schema knows the status of the whole only.
  if (answer.headers['content-range']) answer.status = 206;
  return answer;
}

/** Writes a value by its schema, with the client's own codec. */
export function serialize(wire: any, shape: NormalizedSchema, value: any): any {
  wire.serializer.write(shape, value);
  return wire.serializer.flush();
}

const requestBodies = new WeakMap<object, NormalizedSchema>();
const responseBodies = new WeakMap<object, NormalizedSchema>();

/** The structure with the members that travel in the body. */
function pick(known: WeakMap<object, NormalizedSchema>, shape: NormalizedSchema, names: string[]): NormalizedSchema {
  const source = shape.getSchema() as any[];
  let found = known.get(source);
  if (!found) {
    const members = names.map(name => source[5][source[4].indexOf(name)]);
    found = NormalizedSchema.of([3, source[1], source[2], source[3], names, members] as any);
    known.set(source, found);
  }
  return found;
}

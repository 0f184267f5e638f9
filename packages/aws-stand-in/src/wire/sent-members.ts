/**
 * Records which members of which operations callers send, so that AWS's documentation of exactly
 * these can be read. The record is a file of lines: sender, service, operation, and the member with
 * its structure, for instance `my-app ssm SendCommand SendCommandRequest.Comment`. The sender is
 * the application id of the caller's SDK client (`userAgentAppId`), `-` for a caller without one,
 * and `role` for a service of AWS that acts with a role. Values are never recorded.
 */
import { appendFileSync } from 'node:fs';
import { NormalizedSchema } from '@smithy/core/schema';

export class SentMembers {
  readonly #file: string;
  readonly #known = new Set<string>();

  /** @param file several processes may append to it; a line then comes once from each of them */
  constructor(file: string) {
    this.#file = file;
  }

  add({ sender, service, schema, input }: { sender: string; service: string; schema: any[]; input: any }): void {
    const operation = `${sender} ${service} ${schema[2]}`;
    const lines = [operation, ...membersOf(NormalizedSchema.of(schema[4]), input).map(name => `${operation} ${name}`)];
    const found = [...new Set(lines)].filter(line => !this.#known.has(line));
    for (const line of found) this.#known.add(line);
    if (found.length > 0) appendFileSync(this.#file, found.map(line => `${line}\n`).join(''));
  }
}

/** `<structure>.<member>` of every member that has a value, at any depth. */
function membersOf(shape: NormalizedSchema, value: any): string[] {
  if (value == null || shape.isUnitSchema()) return [];
  if (shape.isListSchema()) return value.flatMap((item: any) => membersOf(shape.getValueSchema(), item));
  if (shape.isMapSchema()) return Object.values(value).flatMap(item => membersOf(shape.getValueSchema(), item));
  if (!shape.isStructSchema()) return [];
  const structure = shape.getName()!.replace(/^.*#/, '');
  return [...shape.structIterator()].flatMap(([name, member]) =>
    value[name] == null ? [] : [`${structure}.${name}`, ...membersOf(member, value[name])],
  );
}

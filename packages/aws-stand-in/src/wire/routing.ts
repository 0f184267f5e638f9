/**
 * Finds the operation of a REST request by the method, the path template, and the query and headers
 * that the operation's schema requires.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import type { Message } from './message.ts';

export interface RestOperation {
  schema: any[];
  /** The `x-id` of newer clients distinguishes operations with the same path. */
  hint: string | undefined;
  /** The weight of a template: literal query first, then required members, then literal path. */
  weight: number;
  match(message: Message): Record<string, string> | undefined;
}

export function restOperation(schema: any[]): RestOperation {
  const [method, uri] = schema[3].http as [string, string, number];
  const [template = '/', search = ''] = uri.split('?');
  const literals = [...new URLSearchParams(search)].filter(([name]) => name !== 'x-id');
  const hint = new URLSearchParams(search).get('x-id') ?? undefined;
  const shape = NormalizedSchema.of(schema[4]);
  const members = shape.isUnitSchema() ? [] : [...shape.structIterator()];
  const required = members
    .slice(0, (shape.getSchema() as any[])[6] ?? 0)
    .map(([, member]) => member.getMergedTraits() as any);
  // The SDK puts an S3 bucket into the host or the path by endpoint rules, so the template does not
  // show it.
  const bucket = members.some(([name, member]) => name === 'Bucket' && member.getMergedTraits().httpLabel);
  const path = bucket && !template.includes('{Bucket}') ? `/{Bucket}${template === '/' ? '' : template}` : template;
  const names: string[] = [];
  const pattern = path
    .replace(/[.*()|[\]\\^$]/g, '\\$&')
    .replace(/\{(\w+)(\+?)\}/g, (_, name: string, greedy: string) => {
      names.push(name);
      return greedy ? '(.+)' : '([^/]+)';
    });
  const expression = new RegExp(`^${pattern}${path.endsWith('+}') ? '' : '/?'}$`, 's');
  const needs = required.filter(traits => traits.httpQuery || traits.httpHeader);
  return {
    schema,
    hint,
    weight: literals.length * 1000 + needs.length * 100 + path.replace(/\{\w+\+?\}/g, '').length,
    match(message) {
      if (message.method !== method) return undefined;
      const id = message.query['x-id']?.[0];
      if (id !== undefined && hint !== undefined && id !== hint) return undefined;
      if (!literals.every(([name, value]) => message.query[name] && (value === '' || message.query[name][0] === value)))
        return undefined;
      const has = (traits: any) =>
        traits.httpQuery ? traits.httpQuery in message.query : traits.httpHeader.toLowerCase() in message.headers;
      if (!needs.every(has)) return undefined;
      const found = expression.exec(message.path);
      return found
        ? Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(found[index + 1]!)]))
        : undefined;
    },
  };
}

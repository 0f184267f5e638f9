/**
 * What a rule's target receives of an event: all of it, a part, a constant, or a text with parts of
 * it.
 */
import type { ServiceEvent } from './event.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';

/**
 * @throws AwsError NotImplemented (501) for a path that is more than names, and for a template that
 *   is not a text
 */
export function targetInput({ Input, InputPath, InputTransformer }: any): (event: ServiceEvent) => string {
  if (InputTransformer !== undefined) return transformer(InputTransformer);
  if (Input !== undefined) return () => Input;
  if (InputPath === undefined) return event => JSON.stringify(event);
  const part = at(InputPath);
  return event => JSON.stringify(part(event) ?? {});
}

/**
 * A template that is one text in quotation marks. The marks reach the target too: on AWS, a mail
 * from SNS shows them.
 */
function transformer(properties: any): (event: ServiceEvent) => string {
  refuseOthers('InputTransformer', properties, ['InputPathsMap', 'InputTemplate']);
  const { InputPathsMap = {}, InputTemplate } = properties;
  if (typeof parsed(InputTemplate) !== 'string') refuse(`InputTemplate ${InputTemplate}`);
  const parts = new Map(Object.entries<string>(InputPathsMap).map(([name, path]) => [name, at(path)]));
  for (const [, name] of InputTemplate.matchAll(/<([\w.-]+)>/g))
    if (!parts.has(name)) refuse(`InputTemplate's variable ${name}`);
  return event => {
    const text = InputTemplate.replace(/<([\w.-]+)>/g, (_: string, name: string) => plain(parts.get(name)!(event)));
    // EventBridge does not escape values (user guide, "Common issues"). AWS does not say what
    // happens to such a text.
    if (typeof parsed(text) !== 'string') refuse(`an InputTemplate with a value that has to be escaped: ${text}`);
    return text;
  };
}

/** A variable that is absent in the event becomes an empty text. */
function plain(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value).replaceAll('"', '');
}

function at(path: string): (event: ServiceEvent) => unknown {
  if (!/^\$(\.[\w-]+)*$/.test(path)) refuse(`InputPath ${path}`);
  const names = path.split('.').slice(1);
  return event => names.reduce<any>((value, name) => value?.[name], event);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

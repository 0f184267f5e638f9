/**
 * Values that CloudFormation's own description of the types names one by one (`Type: STANDARD`). A
 * value that is none of them is refused by the service in the middle of a deploy.
 */
import { definitionOf, specOf, type PropertyType, type Template } from './template.ts';

interface Judged {
  /** Values that were compared. */
  compared: number;
  mistakes: string[];
}

/**
 * @returns how many values were compared
 * @throws Error with a line for each mistake: the place, the value, and those that are allowed
 */
export function judgeValues({ Resources }: Template): number {
  const all = Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) =>
    membersOf(specOf(Type).properties, Properties, `${id} (${Type})`),
  );
  const mistakes = all.flatMap(one => one.mistakes);
  if (mistakes.length > 0) throw new Error(`CloudFormation's description of the types:\n${mistakes.join('\n')}`);
  return all.reduce((sum, { compared }) => sum + compared, 0);
}

function membersOf(properties: Record<string, { type: PropertyType }>, value: object, at: string): Judged[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    properties[name] ? judge(properties[name].type, inner, `${at}: ${name}`) : [],
  );
}

/** A value that an intrinsic makes is known at the deploy only; `Fn::If` has both of its values. */
function judge(type: PropertyType, value: unknown, at: string): Judged[] {
  if (isObject(value) && Object.keys(value).some(key => key === 'Ref' || key.startsWith('Fn::'))) {
    const [, ...branches] = (value['Fn::If'] as unknown[] | undefined) ?? [];
    return branches.flatMap(branch => judge(type, branch, at));
  }
  if ((type.type === 'string' || type.type === 'integer') && type.allowedValues && typeof value !== 'object') {
    const allowed = type.allowedValues.map(String);
    const mistake = `${at} is ${String(value)}, and only ${allowed.join(', ')} are known`;
    return [{ compared: 1, mistakes: allowed.includes(String(value)) ? [] : [mistake] }];
  }
  if (type.type === 'array' && Array.isArray(value)) return value.flatMap(one => judge(type.element, one, at));
  if (type.type === 'map' && isObject(value)) return Object.values(value).flatMap(one => judge(type.element, one, at));
  if (type.type === 'ref' && isObject(value)) return membersOf(definitionOf(type).properties, value, at);
  return [];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * EventBridge's event patterns. A pattern is compiled when its rule is made, so that an unknown
 * operator stops the start instead of never matching.
 */
import { AwsError } from '../service/service.ts';

type Leaves = readonly unknown[];
type Matcher = (leaves: Leaves) => boolean;
type Test = (leaf: unknown) => boolean;
export type EventPattern = (event: unknown) => boolean;

/**
 * @param pattern the rule's `EventPattern`
 * @throws AwsError InvalidEventPatternException for everything that AWS would refuse, and for the
 *   operators that are not done here: `cidr`, `equals-ignore-case`, `suffix`, `wildcard`
 */
export function compileEventPattern(pattern: unknown): EventPattern {
  const matches = compileFields(pattern, '$');
  return event => matches([event]);
}

/**
 * All fields must match. The objects of an array are searched field by field. (AWS keeps the fields
 * of one element together.)
 */
function compileFields(pattern: unknown, path: string): Matcher {
  if (!isObject(pattern)) throw invalid(`Filter is not an object at ${path}`);
  const fields = Object.entries(pattern);
  if (fields.length === 0) throw invalid(`Empty objects are not allowed at ${path}`);
  const tests = fields.map(([key, value]): Matcher => {
    if (key === '$or') return compileOr(value, path);
    const field = Array.isArray(value) ? compileLeaf(value, `${path}.${key}`) : compileFields(value, `${path}.${key}`);
    return nodes => field(nodes.flatMap(node => (isObject(node) && key in node ? flatten(node[key]) : [])));
  });
  return nodes => tests.every(test => test(nodes));
}

function compileOr(value: unknown, path: string): Matcher {
  if (!Array.isArray(value) || value.length < 2) throw invalid(`$or needs at least two patterns at ${path}`);
  const alternatives = value.map(pattern => compileFields(pattern, `${path}.$or`));
  return nodes => alternatives.some(matches => matches(nodes));
}

/**
 * At least one value or operator must match a leaf. An object is no leaf, and an empty array has
 * none.
 */
function compileLeaf(values: unknown[], path: string): Matcher {
  if (values.length === 0) throw invalid(`Empty arrays are not allowed at ${path}`);
  const matchers = values.map((value): Matcher => {
    if (isObject(value) && 'exists' in value) {
      only(value, 'exists', path);
      if (typeof value.exists !== 'boolean') throw invalid(`exists must be true or false at ${path}`);
      return leaves => leaves.length > 0 === value.exists;
    }
    const test = isObject(value) ? compileOperator(value, path) : literal(value, path);
    return leaves => leaves.some(test);
  });
  return nodes => {
    const leaves = nodes.filter(node => !isObject(node));
    return matchers.some(matches => matches(leaves));
  };
}

function compileOperator(value: Record<string, unknown>, path: string): Test {
  const [operator] = Object.keys(value);
  if (operator === undefined) throw invalid(`Empty objects are not allowed at ${path}`);
  only(value, operator, path);
  const operand = value[operator];
  if (operator === 'numeric') return numeric(operand, path);
  if (operator === 'anything-but') return anythingBut(operand, path);
  if (operator === 'prefix') return prefix(operand, path);
  throw invalid(`Unrecognized match type ${operator} at ${path}`);
}

function prefix(operand: unknown, path: string): Test {
  if (typeof operand !== 'string' || operand === '') throw invalid(`prefix must be a non-empty string at ${path}`);
  return leaf => typeof leaf === 'string' && leaf.startsWith(operand);
}

function anythingBut(operand: unknown, path: string): Test {
  if (isObject(operand)) {
    only(operand, 'prefix', path);
    const excluded = listOf(operand['prefix'], path).map(each => prefix(each, path));
    return leaf => !excluded.some(test => test(leaf));
  }
  const excluded = listOf(operand, path).map(each => literal(each, path));
  return leaf => !excluded.some(test => test(leaf));
}

function numeric(operand: unknown, path: string): Test {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4))
    throw invalid(`numeric needs one or two comparisons at ${path}`);
  const comparisons: ((leaf: number) => boolean)[] = [];
  for (let i = 0; i < operand.length; i += 2) comparisons.push(comparison(operand[i], operand[i + 1], path));
  return leaf => typeof leaf === 'number' && comparisons.every(compare => compare(leaf));
}

function comparison(sign: unknown, limit: unknown, path: string): (leaf: number) => boolean {
  if (typeof limit !== 'number') throw invalid(`numeric needs a number at ${path}`);
  switch (sign) {
    case '=':
      return leaf => leaf === limit;
    case '<':
      return leaf => leaf < limit;
    case '<=':
      return leaf => leaf <= limit;
    case '>':
      return leaf => leaf > limit;
    case '>=':
      return leaf => leaf >= limit;
    default:
      throw invalid(`Unrecognized numeric range operator ${String(sign)} at ${path}`);
  }
}

function literal(value: unknown, path: string): Test {
  if (value !== null && !['string', 'number', 'boolean'].includes(typeof value))
    throw invalid(`Match value must be String, number, true, false, or null at ${path}`);
  return leaf => leaf === value;
}

function listOf(operand: unknown, path: string): unknown[] {
  const list = Array.isArray(operand) ? operand : [operand];
  if (list.length === 0) throw invalid(`anything-but is empty at ${path}`);
  return list;
}

function only(value: Record<string, unknown>, operator: string, path: string): void {
  if (Object.keys(value).length !== 1 || !(operator in value))
    throw invalid(`Only one key allowed in match expression at ${path}`);
}

function flatten(value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap(flatten) : [value];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string): AwsError {
  return new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${reason}`);
}

/**
 * The checks of a definition, made when a state machine is made. No field outside of these tables
 * is ignored. A mistake that AWS refuses too is InvalidDefinition, in AWS's words. A field that AWS
 * knows and the interpreter does not is InvalidDefinition, by the field's name.
 */
import { AwsError } from '../../service/service.ts';
import { compile, expressionIn } from './expression.ts';
import type { Definition } from './language.ts';
import { knowsResource } from './resource.ts';

const transition = ['Next', 'End'];
const result = ['Output', 'Assign'];
const recovery = ['Retry', 'Catch'];
const fieldsOf: Record<string, string[]> = {
  Pass: [...result, ...transition],
  Task: ['Resource', 'Arguments', 'TimeoutSeconds', ...result, ...transition, ...recovery],
  Choice: ['Choices', 'Default', ...result],
  Wait: ['Seconds', 'Timestamp', ...result, ...transition],
  Succeed: ['Output'],
  Fail: ['Error', 'Cause'],
};
const requiredOf: Record<string, string[]> = {
  Task: ['Resource'],
  Choice: ['Choices'],
};

/** AWS has these. A machine that uses one is refused by its name, so that it is not run by half. */
const typesNotDone = ['Map', 'Parallel'];
const fieldsNotDone = ['Credentials', 'HeartbeatSeconds'];

type Json = Record<string, any>;

/**
 * @param text the definition after its substitutions
 * @throws AwsError InvalidDefinition
 */
export function parseDefinition(text: string): Definition {
  let definition: Json;
  try {
    definition = JSON.parse(text);
  } catch (error) {
    throw invalidDefinition(`INVALID_JSON_DESCRIPTION: ${(error as Error).message}`);
  }
  if (!isObject(definition)) throw invalidDefinition('INVALID_JSON_DESCRIPTION: not an object');
  checkFields(definition, ['Comment', 'QueryLanguage', 'StartAt', 'States', 'TimeoutSeconds', 'Version'], '/');
  required(definition, ['States', 'StartAt'], '/');
  if (definition['QueryLanguage'] !== 'JSONata') throw notImplemented('QueryLanguage other than JSONata', '/');
  if (definition['TimeoutSeconds'] !== undefined)
    checkNumber(definition['TimeoutSeconds'], { field: 'TimeoutSeconds', at: '/', least: 1 });
  checkStates(definition);
  return definition as Definition;
}

function checkStates(definition: Json): void {
  if (!isObject(definition['States'])) throw schema('Expected value of type Object', '/States');
  const states: Record<string, Json> = definition['States'];
  const reached = new Set<string>();
  const target = (name: unknown, from: string) => {
    if (typeof name !== 'string' || !(name in states))
      throw invalidDefinition(`MISSING_TRANSITION_TARGET: Missing '${from}' target: ${name} at /${from}`);
    reached.add(name);
  };
  target(definition['StartAt'], 'StartAt');
  for (const [name, state] of Object.entries(states)) {
    const at = `/States/${name}`;
    if (name.length > 80) throw schema('A state name has at most 80 characters', at);
    checkState(state, at);
    for (const next of targetsOf(state)) target(next, `States/${name}`);
  }
  const lost = Object.keys(states).find(name => !reached.has(name));
  if (lost) throw invalidDefinition(`MISSING_TRANSITION_TARGET: State "${lost}" is not reachable. at /States/${lost}`);
}

function targetsOf(state: Json): unknown[] {
  const branches = [...(state['Choices'] ?? []), ...(state['Catch'] ?? [])].map((rule: Json) => rule['Next']);
  return [...branches, state['Next'], state['Default']].filter(next => next !== undefined);
}

function checkState(state: unknown, at: string): void {
  if (!isObject(state)) throw schema('Expected value of type Object', at);
  const type = state['Type'];
  if (typesNotDone.includes(type)) throw notImplemented(`a state of type ${type}`, at);
  const fields = fieldsOf[type];
  if (!fields) throw schema(`Value is not valid: Type ${type}`, at);
  checkFields(state, ['Type', 'Comment', 'QueryLanguage', ...fields], at);
  required(state, requiredOf[type] ?? [], at);
  if (fields.includes('Next') && (state['Next'] === undefined) === (state['End'] !== true)) {
    throw schema('These fields are required: [Next] or [End], and not both', at);
  }
  if (type === 'Wait' && (state['Seconds'] === undefined) === (state['Timestamp'] === undefined)) {
    throw schema("A Wait needs one of 'Seconds' and 'Timestamp'", at);
  }
  if (type === 'Task') checkTask(state, at);
  for (const [field, least] of [
    ['Seconds', 0],
    ['TimeoutSeconds', 1],
  ] as const) {
    if (typeof state[field] === 'string' && expressionIn(state[field]) !== undefined) continue;
    if (state[field] !== undefined) checkNumber(state[field], { field, at, least });
  }
  if (type === 'Choice') {
    nonEmptyList(state['Choices'], `${at}/Choices`).forEach((rule, n) => {
      checkFields(rule, ['Comment', 'Condition', 'Next', ...result], `${at}/Choices[${n}]`);
      required(rule, ['Condition', 'Next'], `${at}/Choices[${n}]`);
    });
  }
  checkRecovery(state, at);
  for (const holder of [state, ...(state['Catch'] ?? []), ...(state['Choices'] ?? [])]) {
    if ('states' in (holder['Assign'] ?? {})) throw schema("'states' is a reserved variable name", at);
  }
  const { Comment: _comment, ...evaluated } = state;
  checkExpressions(evaluated, at);
}

function checkTask(state: Json, at: string): void {
  const resource = state['Resource'];
  if (typeof resource !== 'string' || !resource.startsWith('arn:'))
    throw schema('Value is not a valid resource ARN', at);
  if (!knowsResource(resource)) throw notImplemented(`Resource ${resource}`, at);
}

function checkRecovery(state: Json, at: string): void {
  const retriers = ['IntervalSeconds', 'MaxAttempts', 'BackoffRate', 'MaxDelaySeconds', 'JitterStrategy'];
  for (const [kind, fields] of [
    ['Retry', retriers],
    ['Catch', ['Next', ...result]],
  ] as const) {
    if (state[kind] === undefined) continue;
    const list = nonEmptyList(state[kind], `${at}/${kind}`);
    list.forEach((entry, n) => {
      checkFields(entry, ['Comment', 'ErrorEquals', ...fields], `${at}/${kind}[${n}]`);
      const names = nonEmptyList(entry['ErrorEquals'], `${at}/${kind}[${n}]/ErrorEquals`);
      if (kind === 'Catch') required(entry, ['Next'], `${at}/Catch[${n}]`);
      if (names.includes('States.ALL') && (names.length > 1 || n < list.length - 1)) {
        throw schema('States.ALL must appear alone and in the last place', `${at}/${kind}[${n}]`);
      }
    });
  }
  for (const [n, retrier] of (state['Retry'] ?? []).entries()) {
    const where = `${at}/Retry[${n}]`;
    for (const [field, least] of [
      ['IntervalSeconds', 1],
      ['MaxAttempts', 0],
      ['BackoffRate', 1],
      ['MaxDelaySeconds', 1],
    ] as const) {
      if (retrier[field] !== undefined)
        checkNumber(retrier[field], { field, at: where, least, whole: field !== 'BackoffRate' });
    }
    if (!['FULL', 'NONE', undefined].includes(retrier['JitterStrategy'])) throw schema('Unknown JitterStrategy', where);
  }
}

function checkExpressions(value: unknown, at: string): void {
  if (typeof value === 'string') {
    const source = expressionIn(value);
    if (source === undefined) {
      if (value.startsWith('{%')) throw schema("A JSONata expression must end with '%}'", at);
      return;
    }
    try {
      compile(source);
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      throw schema(`Value is not a valid JSONata expression: ${code} ${message}`, at);
    }
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) checkExpressions(item, `${at}/${key}`);
  }
}

function checkFields(holder: unknown, known: readonly string[], at: string): void {
  if (!isObject(holder)) throw schema('Expected value of type Object', at);
  if (holder['QueryLanguage'] !== undefined && holder['QueryLanguage'] !== 'JSONata') {
    if (at === '/') throw notImplemented('QueryLanguage other than JSONata', at);
    throw schema("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", at);
  }
  for (const field of Object.keys(holder)) {
    if (known.includes(field)) continue;
    if (fieldsNotDone.includes(field)) throw notImplemented(field, at);
    throw schema(`Field '${field}' is not supported`, at);
  }
}

function required(holder: Json, fields: string[], at: string): void {
  const absent = fields.filter(field => holder[field] === undefined);
  if (absent.length > 0) throw schema(`These fields are required: [${absent.join(', ')}]`, at);
}

function nonEmptyList(value: unknown, at: string): any[] {
  if (!Array.isArray(value) || value.length === 0) throw schema('Expected value of type Array that is not empty', at);
  return value;
}

function checkNumber(
  value: unknown,
  { field, at, least, whole = true }: { field: string; at: string; least: number; whole?: boolean },
): void {
  // The states language limits every number of seconds to 99,999,999.
  if (typeof value === 'number' && value >= least && value <= 99_999_999 && (!whole || Number.isInteger(value))) return;
  throw schema(`'${field}' must be ${whole ? 'an integer' : 'a number'} from ${least} to 99999999`, at);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function schema(problem: string, at: string): AwsError {
  return invalidDefinition(`SCHEMA_VALIDATION_FAILED: ${problem} at ${at}`);
}

function invalidDefinition(problem: string): AwsError {
  return new AwsError('InvalidDefinition', `Invalid State Machine Definition: '${problem}'`);
}

/** A fault of the machine's maker, so that no client asks again. */
function notImplemented(what: string, at: string): AwsError {
  return new AwsError('InvalidDefinition', `states: ${what} (at ${at}) is not done by the stand-in`);
}

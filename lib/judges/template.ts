/** The synthesised template as text: an intrinsic is replaced by what it will stand for. */
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';

export interface Declared {
  Type: string;
  Properties?: Record<string, unknown>;
}

export interface Template {
  Resources: Record<string, Declared>;
}

const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '123456789012',
  // So an ARN's format in the description names the account.
  'AWS::Account': '123456789012',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': 'stack',
};

let loaded: ReturnType<typeof loadAwsServiceSpecSync> | undefined;
const database = () => (loaded ??= loadAwsServiceSpecSync());

/** CloudFormation's own description of a type, from `@aws-cdk/aws-service-spec`. */
export function specOf(type: string) {
  const [found] = database().lookup('resource', 'cloudFormationType', 'equals', type);
  if (!found) throw new Error(`CloudFormation has no resource type ${type}`);
  return found;
}

/** The type of a property, and of the values in it. */
export type PropertyType = ReturnType<typeof specOf>['properties'][string]['type'];

/** @returns the structure that a property of the type `ref` has */
export function definitionOf({ reference }: Extract<PropertyType, { type: 'ref' }>) {
  return database().get('typeDefinition', reference);
}

/**
 * @param value of a property, for instance an ARN made with Fn::Join
 * @returns the text. The name of a resource is its logical id, the value of a parameter is its name
 * @throws Error for an intrinsic that is not known here
 */
export function textOf(value: unknown, { Resources }: Template): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[intrinsic, argument] = []] = Object.entries(value) as [string, any][];
  if (intrinsic === 'Ref') {
    const resource = Resources[argument];
    if (!resource) return PSEUDO[argument] ?? String(argument);
    const [identifier] = specOf(resource.Type).primaryIdentifier ?? [];
    return /Arn$/.test(identifier ?? '') ? arnOf(argument, resource) : argument;
  }
  if (intrinsic === 'Fn::GetAtt') {
    const [id, attribute] = argument as [string, string];
    return /Arn$/.test(attribute) ? arnOf(id, Resources[id]!) : `${id}.${attribute}`;
  }
  if (intrinsic === 'Fn::Join')
    return argument[1].map((part: unknown) => textOf(part, { Resources })).join(argument[0]);
  throw new Error(`${JSON.stringify(value)} is not read here: add the intrinsic to lib/judges/template.ts`);
}

/** Where the description's ARN is not the value of the attribute `Arn`. */
const ARN: Record<string, string> = {
  // The description has the ARN of the first kind of global table, of 2017.
  'AWS::DynamoDB::GlobalTable': 'arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}',
  // The attribute includes the log's streams.
  'AWS::Logs::LogGroup': 'arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}:*',
};

function arnOf(id: string, { Type }: Declared): string {
  const format = ARN[Type] ?? specOf(Type).arnTemplate;
  if (format === undefined) throw new Error(`${id}: CloudFormation's description of ${Type} has no ARN`);
  return format.replace(/\$\{(\w+)\}/g, (_, name: string) => PSEUDO[`AWS::${name}`] ?? id);
}

/**
 * What CloudFormation's own description of the types says about a whole template, and what no check
 * of one resource sees: names that a second stack would take again, and resources that write into
 * one parent side by side.
 */
import { specOf, textOf, type Declared, type Template } from './template.ts';

/**
 * Where CloudFormation's name of a resource is less than its description says.
 *
 * EventBusPolicy: the statement's id alone, so that a second stack's statement "already exists"
 * (https://github.com/aws/aws-cdk/issues/29627).
 */
const IDENTIFIER: Record<string, string[]> = { 'AWS::Events::EventBusPolicy': ['StatementId'] };

/**
 * @returns how many resources were looked at
 * @throws Error with a line for each mistake: the resources, and the remedy
 */
export function judgeIdentifiers(template: Template, { stackName }: { stackName: string }): number {
  const mistakes = [...literals(template, stackName), ...parallelWriters(template)];
  if (mistakes.length > 0) throw new Error(`CloudFormation's description of the types:\n${mistakes.join('\n')}`);
  return Object.keys(template.Resources).length;
}

/** Resources whose whole identifier is text without the stack's name. */
function literals(template: Template, stackName: string): string[] {
  return Object.entries(template.Resources).flatMap(([id, { Type, Properties = {} }]) => {
    const identifier = IDENTIFIER[Type] ?? specOf(Type).primaryIdentifier ?? [];
    const given = identifier.map(property => Properties[property]);
    // A missing part is made by CloudFormation; a part with an intrinsic differs between stacks.
    const isLiteral = given.length > 0 && given.every(value => typeof value === 'string' && !value.includes(stackName));
    return isLiteral
      ? [
          `${id} (${Type}): ${identifier.join(' and ')} is ${given.join(' and ')} in every stack, so a second stack in the ` +
            'account cannot be made. Put the name of the stack into it, or leave the name to CloudFormation',
        ]
      : [];
  });
}

/**
 * Several resources of one type that are parts of one parent: they have no ARN of their own, and a
 * required property names the parent. CloudFormation makes them side by side. If the service keeps
 * one document for the parent, the last writer drops what another one wrote.
 */
function parallelWriters(template: Template): string[] {
  const writers = Object.entries(template.Resources).filter(([, { Type }]) => isPart(Type));
  const written = writers.flatMap(([id, resource]) =>
    parentsOf(resource, template).map(parent => ({ id, written: `${resource.Type} of ${parent}` })),
  );
  return [...Map.groupBy(written, one => one.written)].flatMap(([what, by]) =>
    by.length > 1
      ? [
          `${by.map(({ id }) => id).join(', ')}: CloudFormation makes each ${what} beside the others, so one may drop ` +
            'what another one wrote. Make one resource of them',
        ]
      : [],
  );
}

function isPart(type: string): boolean {
  const { arnTemplate, attributes } = specOf(type);
  return arnTemplate === undefined && !Object.keys(attributes).some(name => /Arn$/.test(name));
}

/** Each resource that a required or an identifying property names, alone or in a list. */
function parentsOf({ Type, Properties = {} }: Declared, template: Template): string[] {
  const { primaryIdentifier = [], properties } = specOf(Type);
  const naming = Object.keys(Properties).filter(name => properties[name]?.required || primaryIdentifier.includes(name));
  return naming
    .flatMap(name => Properties[name])
    .filter(value => typeof value === 'object' && value !== null && ('Ref' in value || 'Fn::GetAtt' in value))
    .map(value => textOf(value, template));
}

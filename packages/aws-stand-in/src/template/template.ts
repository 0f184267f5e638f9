/**
 * CloudFormation: reads a synthesised stack, resolves its references, and lets each service make
 * its resources. A resource is made after those that it names. A part that is not understood stops
 * the load.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Cloud, Resource, ResourceRequest, ResourceType, Service } from '../service/service.ts';
import { NO_VALUE, intrinsics } from './intrinsics.ts';
import { parameterValues } from './parameters.ts';
import type { ParameterDeclaration } from './parameters.ts';
import { remember, uniqueIds } from './physical-ids.ts';

export interface TemplateRequest {
  /** The folder that `cdk synth` wrote. */
  cdkOut: string;
  stackName: string;
  parameters: Record<string, string>;
}

export interface LoadedTemplate {
  resources: Record<string, Resource>;
  outputs: Record<string, string>;
}

interface ResourceDeclaration {
  Type: string;
  Properties?: Record<string, unknown>;
  DependsOn?: string | string[];
  Condition?: string;
}

interface Template {
  Parameters?: Record<string, ParameterDeclaration>;
  Conditions?: Record<string, unknown>;
  Resources: Record<string, ResourceDeclaration>;
  Outputs?: Record<string, { Value: unknown; Condition?: string }>;
  Rules?: Record<string, unknown>;
}

const SECTIONS = [
  'AWSTemplateFormatVersion',
  'Description',
  'Metadata',
  'Parameters',
  'Conditions',
  'Resources',
  'Outputs',
  'Rules',
];
/** DeletionPolicy and UpdateReplacePolicy change nothing here, because nothing is ever deleted. */
const RESOURCE_KEYS = [
  'Type',
  'Properties',
  'DependsOn',
  'Condition',
  'DeletionPolicy',
  'UpdateReplacePolicy',
  'Metadata',
];

/**
 * Loads `<cdkOut>/<stackName>.template.json`. It is repeatable: a service updates an existing
 * resource in place. Types and parameters are checked before anything is made.
 * @throws Error that names the logical id and the property: for an unknown type, intrinsic,
 *   attribute or parameter, for a parameter that its declaration does not allow, for a cycle, and
 *   for a refusal of a service
 */
export async function loadTemplate(
  cloud: Cloud,
  services: Service[],
  { cdkOut, stackName, parameters }: TemplateRequest,
): Promise<LoadedTemplate> {
  const template = readTemplate(path.join(cdkOut, `${stackName}.template.json`));
  const types = new Map(services.flatMap(service => Object.entries(service.resources ?? {})));
  const declared = Object.entries(template.Resources).filter(([, { Type }]) => Type !== 'AWS::CDK::Metadata');
  for (const [logicalId, declaration] of declared) checkDeclaration(logicalId, declaration, types);

  const references = new Map<string, unknown>([
    ...pseudoParameters(cloud, stackName),
    ...parameterValues(template.Parameters ?? {}, parameters),
  ]);
  const assetPath = assets({ cdkOut, stackName });
  const resources: Record<string, Resource> = {};
  const checkId = uniqueIds(cloud);
  const underway: string[] = [];

  const { resolve, holds } = intrinsics({
    conditions: template.Conditions ?? {},
    ref: async (name, at) => (references.has(name) ? references.get(name) : (await reach(name, at)).ref),
    attribute: async (logicalId, name, at) => {
      const { attributes = {} } = await reach(logicalId, at);
      if (Object.hasOwn(attributes, name)) return attributes[name];
      const type = template.Resources[logicalId]?.Type;
      throw new Error(
        `${at}: ${type} ${logicalId} has no attribute ${name} (has: ${Object.keys(attributes).join(', ')})`,
      );
    },
  });

  async function reach(logicalId: string, at: string): Promise<Resource> {
    const declaration = template.Resources[logicalId];
    if (!declaration) throw new Error(`${at}: names ${logicalId}, which the template does not have`);
    if (!(await isMade(declaration, logicalId))) {
      throw new Error(
        `${at}: names ${logicalId}, which is not made because its condition ${declaration.Condition} is false`,
      );
    }
    return (resources[logicalId] ??= await make(logicalId, declaration));
  }

  async function isMade({ Condition }: { Condition?: string }, at: string): Promise<boolean> {
    return Condition === undefined || holds({ Condition }, `${at}.Condition`);
  }

  async function make(logicalId: string, declaration: ResourceDeclaration): Promise<Resource> {
    if (underway.includes(logicalId)) {
      const cycle = [...underway.slice(underway.indexOf(logicalId)), logicalId];
      throw new Error(`${logicalId}: circular dependency ${cycle.join(' → ')}`);
    }
    underway.push(logicalId);
    for (const other of [declaration.DependsOn ?? []].flat()) {
      const at = `${logicalId}.DependsOn`;
      const needed = template.Resources[other];
      // As in CloudFormation, an order after a resource that is not made has no effect.
      if (!needed || (await isMade(needed, other))) await reach(other, at);
    }
    const properties = await resolve(declaration.Properties ?? {}, `${logicalId}.Properties`);
    const request: ResourceRequest = { logicalId, stackName, properties, assetPath };
    try {
      const made = await types.get(declaration.Type)!(request);
      checkId({ stackName, type: declaration.Type }, made);
      return made;
    } catch (cause) {
      throw new Error(`${logicalId} (${declaration.Type}): ${(cause as Error).message}`, { cause });
    } finally {
      underway.pop();
    }
  }

  for (const [logicalId, declaration] of declared) {
    if (await isMade(declaration, logicalId)) await reach(logicalId, logicalId);
  }
  const outputs: Record<string, string> = {};
  for (const [name, output] of Object.entries(template.Outputs ?? {})) {
    if (!(await isMade(output, name))) continue;
    const value = await resolve(output.Value, `Outputs.${name}`);
    if (value !== NO_VALUE) outputs[name] = String(value);
  }
  const typeOf = new Map(declared.map(([logicalId, { Type }]) => [logicalId, Type]));
  remember(cloud, { stackName, types: typeOf, resources });
  return { resources, outputs };
}

/**
 * The name of a resource: its own name property, else `<stack>-<logical id>`, in lower case for a
 * bucket. A derived name has at most 63 characters, the limit of a bucket. A longer one is cut and
 * ends in 8 digits of its SHA-256.
 */
export function physicalName(request: ResourceRequest, nameProperty: string): string {
  const given = request.properties[nameProperty];
  if (given !== undefined) return String(given);
  const long = `${request.stackName}-${request.logicalId}`;
  const digest = createHash('sha256').update(long).digest('hex').slice(0, 8);
  const name = long.length <= 63 ? long : `${long.slice(0, 54)}-${digest}`;
  return nameProperty === 'BucketName' ? name.toLowerCase() : name;
}

function readTemplate(file: string): Template {
  const template = JSON.parse(readFileSync(file, 'utf8'));
  const unknown = Object.keys(template).filter(section => !SECTIONS.includes(section));
  // CDK's own rule asks a bootstrap stack for its version. No bootstrap is needed here.
  const rules = Object.keys(template.Rules ?? {}).filter(rule => rule !== 'CheckBootstrapVersion');
  if (unknown.length || rules.length) {
    throw new Error(
      `${path.basename(file)}: not understood: ${[...unknown, ...rules.map(rule => `rule ${rule}`)].join(', ')}`,
    );
  }
  return template;
}

function checkDeclaration(logicalId: string, declaration: ResourceDeclaration, types: Map<string, ResourceType>): void {
  if (!types.has(declaration.Type)) {
    throw new Error(`${logicalId}.Type: ${declaration.Type} is made by no service of the stand-in`);
  }
  const unknown = Object.keys(declaration).find(key => !RESOURCE_KEYS.includes(key));
  if (unknown) throw new Error(`${logicalId}.${unknown}: not understood`);
}

function pseudoParameters(cloud: Cloud, stackName: string): [string, unknown][] {
  const id = createHash('sha256').update(stackName).digest('hex');
  const uuid = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20, 32)].join('-');
  return [
    ['AWS::Region', cloud.region],
    ['AWS::AccountId', cloud.account],
    ['AWS::Partition', 'aws'],
    ['AWS::URLSuffix', 'amazonaws.com'],
    ['AWS::StackName', stackName],
    ['AWS::StackId', `arn:aws:cloudformation:${cloud.region}:${cloud.account}:stack/${stackName}/${uuid}`],
    ['AWS::NoValue', NO_VALUE],
  ];
}

/** The path in cdk.out of the file or folder that CDK would upload under an object key. */
function assets({ cdkOut, stackName }: Pick<TemplateRequest, 'cdkOut' | 'stackName'>): (key: string) => string {
  const manifest = path.join(cdkOut, `${stackName}.assets.json`);
  const files: { source: { path?: string }; destinations: Record<string, { objectKey: string }> }[] = existsSync(
    manifest,
  )
    ? Object.values(JSON.parse(readFileSync(manifest, 'utf8')).files)
    : [];
  const sources = new Map<string, string>();
  for (const { source, destinations } of files) {
    if (source.path === undefined) continue;
    for (const { objectKey } of Object.values(destinations)) sources.set(objectKey, path.resolve(cdkOut, source.path));
  }
  return key => {
    const source = sources.get(key);
    if (source === undefined) throw new Error(`asset ${key} is not in ${path.basename(manifest)}`);
    return source;
  };
}

/**
 * Command documents with schema 2.2: the allowed content, the parameters, and the text with a
 * command's values. A document with a part that the agent here would ignore is refused when it is
 * made.
 */
import { createHash } from 'node:crypto';
import { AwsError } from '../service/service.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';

export interface DocumentStep {
  action: 'aws:downloadContent' | 'aws:runShellScript' | 'aws:runPowerShellScript';
  name: string;
  precondition?: { StringEquals: [string, string] };
  /**
   * `onFailure: exit` stands here, because the agent reads its modifiers from a step's inputs and
   * never from the step itself.
   */
  inputs: Record<string, unknown>;
}

export interface DocumentParameter {
  type: 'String' | 'StringList';
  description?: string;
  default?: string | string[];
  allowedPattern?: string;
  allowedValues?: string[];
}

export interface CommandDocument {
  schemaVersion: '2.2';
  description?: string;
  parameters?: Record<string, DocumentParameter>;
  mainSteps: DocumentStep[];
}

/** The largest document in bytes, together with a command's parameter values. */
const maxDocumentBytes = 65_536;

const inputsOf: Record<DocumentStep['action'], readonly string[]> = {
  'aws:downloadContent': ['sourceType', 'sourceInfo', 'destinationPath', 'onFailure'],
  'aws:runShellScript': ['runCommand', 'timeoutSeconds', 'workingDirectory', 'onFailure'],
  'aws:runPowerShellScript': ['runCommand', 'timeoutSeconds', 'workingDirectory', 'onFailure'],
};

/**
 * @throws AwsError InvalidDocumentContent, or NotImplemented for a part that the agent here cannot
 *   run
 */
export function parseDocument(content: string): CommandDocument {
  const document = parseJson(content);
  refuseOthers('document', document, ['schemaVersion', 'description', 'parameters', 'mainSteps']);
  if (document.schemaVersion !== '2.2') refuse(`schemaVersion ${document.schemaVersion}`);
  for (const [name, parameter] of Object.entries(document.parameters ?? {})) checkParameter(name, parameter);
  if (!Array.isArray(document.mainSteps) || document.mainSteps.length === 0)
    throw invalidContent('mainSteps is missing or empty');
  const names = document.mainSteps.map(checkStep);
  if (new Set(names).size !== names.length) throw invalidContent('two steps have the same name');
  for (const [, name] of content.matchAll(/{{\s*(.*?)\s*}}/g))
    if (!Object.hasOwn(document.parameters ?? {}, name!))
      throw invalidContent(`the parameter ${name} is used and not declared`);
  return document;
}

function checkParameter(name: string, parameter: DocumentParameter): void {
  // The agent ignores a parameter with any other character in its name.
  if (!/^[a-zA-Z0-9]+$/.test(name)) throw invalidContent(`the parameter name ${name} is not valid`);
  refuseOthers(`parameter ${name}`, parameter, ['type', 'description', 'default', 'allowedPattern', 'allowedValues']);
  if (parameter.type !== 'String' && parameter.type !== 'StringList') refuse(`a parameter of type ${parameter.type}`);
}

function checkStep(step: DocumentStep): string {
  refuseOthers('document step', step, ['action', 'name', 'precondition', 'inputs']);
  const known = inputsOf[step.action] ?? refuse(`the plugin ${step.action}`);
  if (typeof step.name !== 'string' || step.name === '') throw invalidContent('a step has no name');
  refuseOthers(`step ${step.name}`, step.inputs, known);
  if (step.inputs.onFailure !== undefined && step.inputs.onFailure !== 'exit')
    refuse(`onFailure ${step.inputs.onFailure}`);
  if (step.precondition !== undefined) {
    refuseOthers(`precondition of step ${step.name}`, step.precondition, ['StringEquals']);
    if (step.precondition.StringEquals?.[0] !== 'platformType')
      refuse(`a precondition on ${step.precondition.StringEquals?.[0]}`);
  }
  // The nodes here run Linux, so this step is always skipped.
  if (step.action === 'aws:runPowerShellScript' && step.precondition?.StringEquals[1] !== 'Windows')
    refuse(`${step.action} without a precondition for Windows`);
  if (step.action === 'aws:downloadContent' && step.inputs.sourceType !== 'S3')
    refuse(`sourceType ${step.inputs.sourceType}`);
  return step.name;
}

/**
 * A command's parameters as the document declares them, with the defaults.
 * @throws AwsError InvalidParameters for an unknown or missing parameter, or a value that
 *   `allowedPattern` does not allow (anchors are the document's own business)
 */
export function checkParameters(
  document: CommandDocument,
  content: string,
  given: Record<string, string[]>,
): Record<string, string | string[]> {
  const declared = document.parameters ?? {};
  for (const name of Object.keys(given))
    if (!Object.hasOwn(declared, name))
      throw new AwsError('InvalidParameters', `Parameter ${name} is not defined in the document.`);
  if (Buffer.byteLength(content) + Buffer.byteLength(JSON.stringify(given)) > maxDocumentBytes)
    throw new AwsError('MaxDocumentSizeExceeded', 'The document with its parameters is larger than 64 KB.');
  return Object.fromEntries(
    Object.entries(declared).map(([name, declaration]) => [name, parameterValue(name, declaration, given[name])]),
  );
}

function parameterValue(name: string, declaration: DocumentParameter, given: string[] | undefined): string | string[] {
  const values = given ?? (declaration.default === undefined ? undefined : [declaration.default].flat());
  if (values === undefined) throw new AwsError('InvalidParameters', `Parameter ${name} requires a value.`);
  if (declaration.type === 'String' && values.length !== 1)
    throw new AwsError('InvalidParameters', `Parameter ${name} is a String and needs exactly one value.`);
  for (const value of values) {
    if (declaration.allowedPattern !== undefined && !new RegExp(declaration.allowedPattern).test(value))
      throw new AwsError(
        'InvalidParameters',
        `Parameter ${name} has a value that does not match ${declaration.allowedPattern}.`,
      );
    if (declaration.allowedValues !== undefined && !declaration.allowedValues.includes(value))
      throw new AwsError('InvalidParameters', `Parameter ${name} has a value that is not among its allowedValues.`);
  }
  return declaration.type === 'String' ? values[0]! : values;
}

/**
 * Replaces `{{ name }}` as text, once: a value that looks like another parameter stays as it is. A
 * string that consists of a parameter alone becomes the parameter's value, which may be a list.
 */
export function replaceParameters(input: unknown, values: Record<string, string | string[]>): unknown {
  if (Array.isArray(input)) return input.flatMap(each => replaceParameters(each, values));
  if (typeof input === 'object' && input !== null)
    return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, replaceParameters(value, values)]));
  if (typeof input !== 'string') return input;
  const [, alone] = /^{{\s*(\w+)\s*}}$/.exec(input) ?? [];
  if (alone !== undefined) return values[alone];
  return input.replace(/{{\s*(\w+)\s*}}/g, (_token, name: string) => {
    const value = values[name]!;
    return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('$$', '$');
  });
}

export function documentHash(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function parseJson(content: string): CommandDocument {
  try {
    return JSON.parse(content) as CommandDocument;
  } catch (cause) {
    throw invalidContent(String(cause));
  }
}

function invalidContent(reason: string): AwsError {
  return new AwsError('InvalidDocumentContent', `The content of the document is not valid: ${reason}.`);
}

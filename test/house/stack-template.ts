/** The template of the stack, without the functions' code: made in a second, for its rights. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { functionNames, kebab, type FunctionName } from '../../lib/function-names.ts';
import { textOf, type Template } from '../../lib/judges/template.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';

/** Not `sealpost`, which is also the source of our events. */
export const STACK = 'the-stack';

/** A statement of a policy, with each intrinsic replaced by what it stands for. */
export interface Statement {
  Sid?: string;
  Effect: 'Allow' | 'Deny';
  Principal?: unknown;
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** @returns the template, made in a folder that is gone afterwards */
export function stackTemplate(): Template {
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-template-'));
  try {
    return JSON.parse(readFileSync(join(makeStack(directory), `${STACK}.template.json`), 'utf8')) as Template;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @returns the folder in `directory` that `cdk synth` calls cdk.out */
export function makeStack(directory: string): string {
  const code = join(directory, 'code');
  mkdirSync(code);
  writeFileSync(join(code, 'index.js'), '');
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: code, bytes: 0 }]));
  const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as Context;
  const app = new App({ analyticsReporting: false, outdir: join(directory, 'cdk.out'), context });
  new SealpostStack(app, STACK, { bundles });
  return app.synth().directory;
}

interface Context {
  context: Record<string, unknown>;
}

/** @returns the statements of the role that the function runs with */
export function rightsOf(name: FunctionName, template: Template): Statement[] {
  const { Role } = Object.values(template.Resources).find(
    ({ Properties }) => Properties?.['FunctionName'] === `${STACK}-${kebab(name)}`,
  )!.Properties as { Role: { 'Fn::GetAtt': [string] } };
  const { Policies, ManagedPolicyArns = [] } = template.Resources[Role['Fn::GetAtt'][0]]!.Properties as any;
  if (ManagedPolicyArns.length > 0) throw new Error(`${name} has a managed policy, which this page does not show`);
  return Policies.flatMap((policy: any) => plain(policy.PolicyDocument.Statement, template));
}

/** @returns the statements in plain text: lists of actions and of ARNs */
export function plain(statements: object[], template: Template): Statement[] {
  // The value of a setting, if it is set.
  const set = (value: any) => value?.['Fn::If']?.[1] ?? value;
  const list = (value: unknown) => [set(value)].flat().map(one => textOf(one, template));
  return statements.map((statement: any) => ({
    ...statement,
    Action: list(statement.Action),
    Resource: statement.Resource === undefined ? [] : list(statement.Resource),
    ...(statement.Condition && {
      Condition: Object.fromEntries(
        Object.entries<object>(statement.Condition).map(([operator, keys]) => [
          operator,
          Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, list(value)])),
        ]),
      ),
    }),
  }));
}

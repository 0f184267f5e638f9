/**
 * The pattern of the parameter `Issuers`, made from the schema in core/acme/issuer.ts.
 * CloudFormation refuses a value that does not match, before it changes anything.
 */
import * as z from 'zod/mini';
import { configuredIssuer, issuerOptions, limitText } from '../core/acme/issuer.ts';
import { limitForm } from '../core/record/limits.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const list = (one: string) => `${one}(\\s*,\\s*${one})*`;

/**
 * @returns a regular expression for JSON text with white space; required properties come first, in
 * their order
 */
function patternOf(schema: JsonSchema): string {
  if (schema.type === 'boolean') return '(true|false)';
  if (schema.type === 'string') return `"${schema.pattern?.replace(/^\^|\$$/g, '').replaceAll('\\/', '/')}"`;
  const properties = Object.entries(schema.properties!).map(([name, property]) => ({
    text: `"${name}"\\s*:\\s*${patternOf(property as JsonSchema)}`,
    isRequired: schema.required?.includes(name),
  }));
  const required = properties.filter(({ isRequired }) => isRequired).map(({ text }) => text);
  const optional = properties.filter(({ isRequired }) => !isRequired).map(({ text }) => text);
  const others = `(${optional.join('|')})`;
  if (required.length === 0) return `\\{\\s*${list(others)}\\s*\\}`;
  return `\\{\\s*${required.join('\\s*,\\s*')}(\\s*,\\s*${others})*\\s*\\}`;
}

/** Without groups, and with the classes that CloudFormation's documentation uses. */
const limitPattern = limitForm.source.replace(/[()]/g, '').replaceAll('\\d', '[0-9]');
const issuer = z.toJSONSchema(configuredIssuer, {
  override: ({ zodSchema, jsonSchema }) => {
    if (jsonSchema.type === 'string') jsonSchema.pattern ??= zodSchema === limitText ? limitPattern : '[^"]{1,200}';
  },
});

export const issuersPattern = `\\s*\\[\\s*${list(patternOf(issuer))}\\s*\\]\\s*`;

const examples = Object.entries(issuerOptions).map(([name, { example }]) => ({
  text: `"${name}":${JSON.stringify(example)}`,
  isRequired: issuer.required!.includes(name),
}));
const required = examples.filter(({ isRequired }) => isRequired).map(({ text }) => text);
const optional = examples.filter(({ isRequired }) => !isRequired).map(({ text }) => text);

export const issuersConstraint = `must be a JSON list of issuers, each {${required.join(',')}} in this order, then as needed ${optional.join(', ')}`;

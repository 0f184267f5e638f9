import { readdirSync, readFileSync } from 'node:fs';
import aslValidator from 'asl-validator';
import { expect, test } from 'vitest';
import { parseDefinition } from '../../packages/aws-stand-in/src/states/asl/definition.ts';

const folder = new URL('../../statemachines/', import.meta.url);
const lambda = (step: string) => `arn:aws:lambda:us-east-1:000000000000:function:${step}`;

test.each(readdirSync(folder).filter(name => name.endsWith('.asl.json')))(
  'asl-validator accepts %s as it is deployed',
  name => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const deployed = text
      .replaceAll('${Partition}', 'aws')
      .replace(/"Resource": "\$\{(\w+)\}"/g, (_whole, step) => `"Resource": "${lambda(step)}"`);
    expect(() => parseDefinition(deployed)).not.toThrow();
    expect(aslValidator(JSON.parse(deployed)).errorsText('; ')).toBe('');
  },
);

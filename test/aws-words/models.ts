/**
 * Writes what AWS's models say of the operations that the stand-in has: length, range and pattern
 * of each member, and the errors that an operation declares. The SDK for JavaScript leaves these
 * out of its schemas; botocore, AWS's library for Python, has them. The argument is botocore's
 * folder `data`. Run prettier afterwards.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startStandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { checkout } from '../house/sources.ts';

const TO = 'packages/aws-stand-in/src/wire/models';
const SERVICES = [
  ...['acm', 'dynamodb', 'events', 'iam', 'lambda', 'logs', 'route53', 's3', 'scheduler', 'sqs', 'ssm'],
  ...['states', 'sts'],
];

interface Shape {
  type: string;
  min?: number;
  max?: number;
  pattern?: string;
  members?: Record<string, { shape: string }>;
  member?: { shape: string };
  key?: { shape: string };
  value?: { shape: string };
}

interface Model {
  operations: Record<string, { input?: { shape: string }; errors?: { shape: string }[] }>;
  shapes: Record<string, Shape>;
}

function modelOf(folder: string, service: string): Model {
  const at = join(folder, service === 'states' ? 'stepfunctions' : service);
  const versions = readdirSync(at).filter(name => /^\d/.test(name));
  return JSON.parse(gunzipSync(readFileSync(join(at, versions.sort().at(-1)!, 'service-2.json.gz'))).toString());
}

/** The limits of a value, and of the values in it; undefined if there are none. */
function limitsOf(model: Model, name: string): object | undefined {
  const { type, min, max, pattern, member, key, value } = model.shapes[name]!;
  if (type === 'structure') return undefined;
  const inner = {
    ...(member && { member: limitsOf(model, member.shape) }),
    ...(key && { key: limitsOf(model, key.shape) }),
    ...(value && { value: limitsOf(model, value.shape) }),
  };
  const known = Object.entries({ min, max, pattern, ...inner }).filter(([, limit]) => limit !== undefined);
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

/** By `<structure>.<member>`, for every structure that the input has, at any depth. */
function ofStructures(model: Model, input: string): Map<string, object> {
  const found = new Map<string, object>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const { members = {}, member, key, value } = model.shapes[name]!;
    for (const inner of [member, key, value]) if (inner) visit(inner.shape);
    for (const [memberName, { shape }] of Object.entries(members)) {
      const limits = limitsOf(model, shape);
      if (limits) found.set(`${name}.${memberName}`, limits);
      visit(shape);
    }
  };
  visit(input);
  return found;
}

const directory = mkdtempSync(join(tmpdir(), 'aws-models-'));
const standIn = await startStandIn({ directory });
for (const service of SERVICES) {
  const model = modelOf(process.argv[2]!, service);
  const operations = Object.keys(standIn.service(service).operations).sort();
  const errors: Record<string, string[]> = {};
  const members = new Map<string, object>();
  for (const operation of operations) {
    const { input, errors: declared = [] } = model.operations[operation]!;
    errors[operation] = declared.map(({ shape }) => shape).sort();
    for (const [name, limits] of input ? ofStructures(model, input.shape) : []) members.set(name, limits);
  }
  const lines = [...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, limits]) => [name, limits]);
  writeFileSync(
    join(checkout, TO, `${service}.json`),
    `${JSON.stringify({ errors, members: Object.fromEntries(lines) })}\n`,
  );
  console.log(service, operations.length, lines.length);
}
await standIn.stop();
rmSync(directory, { recursive: true });

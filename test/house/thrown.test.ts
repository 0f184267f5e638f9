/**
 * What a step declares that it throws, compared with the errors of ours that are constructed in its
 * function's bundle. The bundler leaves out what no import leads to, but it keeps methods that are
 * never called: the list below explains what these construct.
 */
import { build } from 'esbuild';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { remedies, type ErrorName } from '../../core/errors.ts';
import { kebab } from '../../lib/function-names.ts';
import { isTask } from '../../statemachines/draw.ts';
import { machines } from '../../statemachines/machines.ts';
import { checkout } from './sources.ts';

const steps = new Map(
  machines.flatMap(({ states }) =>
    Object.values(states)
      .filter(isTask)
      .map(task => [task.name, task]),
  ),
);
const names = [...steps.keys()];

/** Constructed in the bundle of these steps, and never thrown by them. */
const explained: { error: ErrorName; by: string[]; why: string }[] = [
  {
    error: 'InvalidStepOutput',
    by: names,
    why: 'The handler of every step throws it for an input or an output that is not as agreed: a fault of ours, which pages.',
  },
  {
    error: 'ServerNotRegistered',
    by: ['AssembleDelivery', 'RecordDelivery', 'ReleaseServer', 'RegisterServer'],
    why: 'Only commitWork and commitCertificate of the store throw it, which these steps do not call.',
  },
  { error: 'ClaimLost', by: ['RegisterServer'], why: 'It holds no claim, and calls no method that needs one.' },
  {
    error: 'ServerUnreachable',
    by: ['RegisterServer'],
    why: 'It asks for a node by a filter: Systems Manager answers a node that it does not know with an empty list.',
  },
  {
    error: 'DnsNotPropagated',
    by: ['ReleaseDomain', 'ParkDomain'],
    why: 'They remove TXT values alone, and a value that cannot be removed stays on record (retract).',
  },
  { error: 'DomainNotManaged', by: ['ReleaseDomain', 'ParkDomain'], why: 'As DnsNotPropagated.' },
  {
    error: 'InvalidStepInput',
    by: ['ImportToAcm', 'RevokeCertificate', 'ParkDomain'],
    why: 'They read the event that ClaimDomain has read. If ClaimDomain never ran, a person is paged (lib/paged-executions.ts).',
  },
  { error: 'IssuerUnusable', by: ['ParkDomain'], why: 'It looks for another issuer, and goes on without one.' },
  {
    error: 'CertificateUnusable',
    by: ['ClaimDomain', 'RecordDelivery', 'ImportToAcm', 'RevokeCertificate', 'AssembleDelivery'],
    why: 'An object is gone. The first two delete objects alone; the others go on without it, or say what is to be done.',
  },
  {
    error: 'CaaForbids',
    by: ['RevokeCertificate'],
    why: 'A CA looks at CAA records before it issues, not before it revokes.',
  },
];

let constructed: Map<string, ErrorName[]>;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: names.map(name => ({ in: join(checkout, `lambdas/${kebab(name)}.ts`), out: name })),
    outdir: 'unwritten',
    write: false,
    bundle: true,
    packages: 'external',
    external: ['*.bundle.sh', '*.bundle.ps1'],
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  constructed = new Map(
    outputFiles.map(({ path, text }) => [/(\w+)\.js$/.exec(path)![1]!, constructedIn(text)] as const),
  );
});

/** Names of constructed errors: each is a literal, a choice of two, or what a function returns. */
function constructedIn(text: string): ErrorName[] {
  const known = Object.keys(remedies) as ErrorName[];
  const found = [...text.matchAll(/new SealpostError\(\s*([^,]+),/g)].flatMap(([, first]) => {
    const called = /^(\w+)\(/.exec(first!)?.[1];
    const source = called === undefined ? first! : new RegExp(`function ${called}\\([^]*?\\n}`).exec(text)![0];
    const literals = [...source.matchAll(/"([A-Z]\w+)"/g)].map(([, name]) => name as ErrorName);
    expect(literals.length, `new SealpostError(${first}, …): its name is to be a literal`).toBeGreaterThan(0);
    return literals;
  });
  return known.filter(name => found.includes(name));
}

describe.each(names)('%s', name => {
  test('throws what it declares, and nothing else that is not explained', () => {
    const reasons = explained.filter(({ by }) => by.includes(name)).map(({ error }) => error);
    const declared = [...steps.get(name)!.throws];
    expect(reasons.filter(error => declared.includes(error))).toEqual([]);
    expect([...declared, ...reasons].sort()).toEqual([...constructed.get(name)!].sort());
  });
});

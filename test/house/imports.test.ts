import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { files, importsOf, read, under, withoutComments, type Import } from './sources.ts';

const own = ({ of }: Import) => /\.(ts|sh|ps1|json|mjs|cjs)$/.test(of);
const show = ({ file, of }: Import) => `${file} → ${of}`;

/** What a folder may import of ours, besides itself. */
const arrows: Record<string, (imported: Import) => boolean> = {
  core: () => false,
  aws: ({ of }) => of.startsWith('core/'),
  statemachines: ({ of }) => of.startsWith('core/'),
  lambdas: ({ of }) =>
    /^(core|aws|statemachines)\//.test(of) || /^install\/(installer\.bundle\.(sh|ps1)|document\.json)$/.test(of),
  // The template's pattern of the setting Issuers, the bus's rules, the functions' names and the
  // kinds of items that a right names are made from these. Everything else of ours reaches the
  // cloud as a path: a bundle, a document.
  lib: ({ of }) =>
    of.startsWith('statemachines/') ||
    [
      'install/assemble.ts',
      'core/acme/issuer.ts',
      'core/record/limits.ts',
      'core/events/events-in.ts',
      'aws/keys.ts',
    ].includes(of),
  install: () => false,
  // `doctor --installer` writes the file that an administrator runs on a server.
  bin: ({ of }) => /^(core|aws)\//.test(of) || of === 'install/assemble.ts',
  local: ({ of }) => /^(core|aws|bin|packages)\//.test(of),
  // The stand-in knows nothing of the product: any CDK application could be run on it.
  packages: () => false,
  // The stack that `--throw-away` makes is in lib/.
  prove: ({ of }) => /^(core|aws|bin|lib)\//.test(of),
  // What the package has is made of the command line and of the construct, as files.
  pack: ({ of }) => ['install/assemble.ts', 'lib/bundles.ts', 'lib/function-names.ts'].includes(of),
  // The installer is measured on the host on which it is tested.
  bench: ({ of }) => /^(core|aws|local)\//.test(of) || of === 'test/install/mail-host.ts',
};

describe('arrows of import', () => {
  test.each(Object.entries(arrows))('%s', (folder, mayImport) => {
    const crossing = under(folder)
      .flatMap(importsOf)
      .filter(imported => own(imported) && !imported.of.startsWith(`${folder}/`));
    expect(crossing.filter(imported => !mayImport(imported)).map(show)).toEqual([]);
  });

  test('of the product, only aws/ and lambdas/environment.ts speak to AWS', () => {
    const speaking = under('core', 'aws', 'statemachines', 'lambdas', 'lib', 'install')
      .flatMap(importsOf)
      .filter(({ of }) => /^@(aws-sdk|smithy)\//.test(of));
    const allowed = ({ file }: Import) => file.startsWith('aws/') || file === 'lambdas/environment.ts';
    expect(speaking.filter(imported => !allowed(imported)).map(show)).toEqual([]);
    expect(speaking.length).toBeGreaterThan(0);
  });

  test('zod never comes whole: that costs 370 KB in every bundle', () => {
    const product = under('core', 'aws', 'statemachines', 'lambdas').filter(file => importsOf(file).some(isZod));
    expect(product.filter(file => !/^import \* as z from 'zod\/mini';$/m.test(read(file)))).toEqual([]);
  });
});

/** The rooms of core, the lowest first: a room imports only from rooms above its own line. */
const rooms = [
  'core',
  'core/certificate',
  'core/record',
  'core/events',
  'core/ports',
  'core/acme',
  'core/dns',
  'core/work',
  'core/claim',
  'core/issuer',
  'core/acm',
  'core/audit',
  'core/status',
  'core/renewal',
  'core/guard',
  'core/secure-domain',
  'core/deliver-to-server',
  'core/register-server',
  'core/sweep',
];
const folderOf = (file: string) => posix.dirname(file);
/** Every import that crosses from one folder into another one, by folders. */
const crossings = files
  .filter(file => /\.(ts|mjs)$/.test(file))
  .flatMap(importsOf)
  .filter(imported => files.includes(imported.of) && folderOf(imported.file) !== folderOf(imported.of));

describe('rooms', () => {
  test('no two folders import each other', () => {
    const arrows = Map.groupBy(crossings, ({ file, of }) => `${folderOf(file)} → ${folderOf(of)}`);
    const back = (arrow: string) => arrow.split(' → ').reverse().join(' → ');
    const mutual = [...arrows.keys()].filter(arrow => arrows.has(back(arrow)) && arrow < back(arrow));
    expect(
      mutual.map(arrow => ({ arrow, by: arrows.get(arrow)!.map(show), back: arrows.get(back(arrow))!.map(show) })),
    ).toEqual([]);
  });

  test('no arrow between folders leads back to where it began', () => {
    const next = Map.groupBy(crossings, ({ file }) => folderOf(file));
    const done = new Set<string>();
    const circles: string[] = [];
    function follow(folder: string, way: string[]): void {
      if (way.includes(folder)) circles.push([...way.slice(way.indexOf(folder)), folder].join(' → '));
      if (done.has(folder) || way.includes(folder)) return;
      for (const to of new Set(next.get(folder)?.map(({ of }) => folderOf(of)))) follow(to, [...way, folder]);
      done.add(folder);
    }
    for (const folder of next.keys()) follow(folder, []);
    expect(circles).toEqual([]);
  });

  test('an arrow in core goes to a lower room', () => {
    const level = (file: string) => rooms.indexOf(folderOf(file));
    const inside = crossings.filter(({ file, of }) => file.startsWith('core/') && of.startsWith('core/'));
    expect(inside.filter(({ file, of }) => level(of) >= level(file)).map(show)).toEqual([]);
    const found = new Set(under('core').map(folderOf));
    expect([...found].sort()).toEqual([...rooms].sort());
  });

  test('no room holds more than a fifth of core', () => {
    const sizeOf = (paths: string[]) => paths.reduce((sum, path) => sum + Buffer.byteLength(read(path)), 0);
    const whole = sizeOf(under('core'));
    const large = rooms.filter(room => sizeOf(under('core').filter(file => folderOf(file) === room)) > whole / 5);
    expect(large).toEqual([]);
    expect(whole).toBeGreaterThan(100_000);
  });
});

test('no file leads back to itself, not even by its types', () => {
  const reached = new Set<string>();
  const road: string[] = [];
  const circles: string[] = [];
  function follow(file: string): void {
    if (road.includes(file)) circles.push([...road.slice(road.indexOf(file)), file].join(' → '));
    if (reached.has(file)) return;
    reached.add(file);
    road.push(file);
    for (const { of } of importsOf(file)) if (modules.has(of)) follow(of);
    road.pop();
  }
  const modules = new Set(files.filter(file => file.endsWith('.ts')));
  modules.forEach(follow);
  expect(circles).toEqual([]);
});

const isZod = ({ of }: Import) => of === 'zod' || of.startsWith('zod/');

describe('the store', () => {
  test('is whole for its composition alone: a function names the aggregates that it uses', () => {
    const naming = under('core', 'aws', 'statemachines', 'lambdas', 'bin')
      .flatMap(importsOf)
      .filter(({ of }) => of === 'core/ports/store.ts');
    expect(naming.map(({ file }) => file)).toEqual(['aws/store.ts']);
  });

  test('has for each aggregate an interface, items, a twin and a suite', () => {
    const aggregates = files.flatMap(file => /^core\/ports\/([a-z]+)-store\.ts$/.exec(file)?.[1] ?? []);
    const parts = (name: string) => [
      `aws/${name}-items.ts`,
      `test/twins/${name}-store.ts`,
      `test/aws/${name}-store.suite.ts`,
    ];
    expect(aggregates.flatMap(parts).filter(file => !files.includes(file))).toEqual([]);
    expect(aggregates.length).toBeGreaterThan(5);
  });
});

test('core/ reads no clock, no environment and throws no dice', () => {
  const world = /\bDate\.now\b|\bnew Date\(\)|\bprocess\.(env|hrtime)\b|\bperformance\.now\b|\bMath\.random\b/;
  expect(under('core').filter(file => world.test(withoutComments(read(file))))).toEqual([]);
});

test('a step decides nothing and catches nothing: the state machine is the error handling', () => {
  const steps = under('lambdas').filter(file => !/\/(environment|issuer)\.ts$/.test(file));
  const flow = /\b(try|catch|if|switch|for|while)\s*[({]|\.catch\(/;
  expect(steps.filter(file => flow.test(withoutComments(read(file))))).toEqual([]);
});

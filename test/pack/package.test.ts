/**
 * The package, as a stranger gets it: packed, installed into an empty project, and used there by
 * each Node that this machine has. The registry is not asked. CDK, which the package expects to
 * find, is a link to the checkout's.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStandIn, type StandIn } from '../../packages/aws-stand-in/src/stand-in.ts';
import { checkout, files, json } from '../house/sources.ts';

const MOST_BYTES = 8_000_000;
const NAME = 'ProviderMail50CD4933';

/** The Node that runs this test, and the machine's own, which may be older. */
const nodes = [process.execPath, 'node'].map(program => {
  const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
  return { program, version };
});

let directory: string;
let project: string;
let tarball: string;
let packed: string[];
let standIn: StandIn;

/** No file of the checkout, and no setting of npm's, is found from there. */
const environment = () => ({
  ...{ PATH: process.env.PATH!, HOME: directory, TMPDIR: tmpdir(), CDK_VALIDATION: 'false' },
  ...{ npm_config_cache: join(directory, 'npm'), npm_config_update_notifier: 'false' },
});
async function run(program: string, args: string[], more: Record<string, string> = {}) {
  const options = { cwd: project, env: { ...environment(), ...more }, maxBuffer: 64_000_000 };
  const done = await promisify(execFile)(program, args, options).catch(error => error);
  return { code: (done.code ?? 0) as number, stdout: String(done.stdout), stderr: String(done.stderr) };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-package-'));
  // A copy, because package.json is another one while npm packs, and other tests read it.
  project = join(directory, 'copy');
  for (const file of files) cpSync(join(checkout, file), join(project, file));
  symlinkSync(join(checkout, 'node_modules'), join(project, 'node_modules'));
  const before = readFileSync(join(project, 'package.json'), 'utf8');
  const pack = await run('npm', ['pack', '--pack-destination', directory]);
  expect(readFileSync(join(project, 'package.json'), 'utf8')).toBe(before);
  expect(pack, pack.stderr).toMatchObject({ code: 0 });
  tarball = join(
    directory,
    readdirSync(directory).find(file => file.endsWith('.tgz'))!,
  );
  packed = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).split('\n').filter(Boolean);

  project = join(directory, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{"name":"ours","private":true,"type":"module"}');
  const install = await run('npm', ['install', '--offline', '--legacy-peer-deps', '--no-audit', '--no-fund', tarball]);
  expect(install, install.stderr).toMatchObject({ code: 0 });
  for (const peer of Object.keys(installed().peerDependencies))
    symlinkSync(join(checkout, 'node_modules', peer), join(project, 'node_modules', peer));
  for (const file of ['app.ts', 'tsconfig.json']) cpSync(join(checkout, 'examples/app', file), join(project, file));
  const built = await run(process.execPath, [join(checkout, 'node_modules/typescript/bin/tsc')]);
  expect(built.stdout).toBe('');
  const synthesised = await run('node', ['app.js'], { CDK_OUTDIR: join(project, 'cdk.out') });
  expect(synthesised, synthesised.stderr).toMatchObject({ code: 0 });
  standIn = await startStandIn({ directory: join(directory, 'run') });
}, 300_000);
afterAll(async () => {
  await standIn?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the tarball', () => {
  test(`has at most ${MOST_BYTES / 1e6} MB`, () => {
    const bytes = statSync(tarball).size;
    console.log(`the package: ${(bytes / 1e6).toFixed(1)} MB, ${packed.length} files`);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });

  test('has no test, no stand-in, no source that Node would have to strip, and no key', () => {
    const source = packed.filter(path => /\.ts$/.test(path) && !/\.d\.ts$|\/examples\//.test(path));
    expect(source).toEqual([]);
    expect(packed.filter(path => /(^|\/)(test|packages|local|bench|prove|node_modules)\//.test(path))).toEqual([]);
    expect(packed.filter(path => /\.(pem|key|tgz|map)$|\.env/.test(path))).toEqual([]);
  });

  test('needs no other package than CDK, and runs nothing when it is installed', () => {
    const { peerDependencies, ...manifest } = installed();
    expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
    expect(Object.keys(manifest).filter(name => /dependencies|scripts/i.test(name))).toEqual([]);
    expect(manifest.version).toBe(json('package.json').version);
  });

  test('names the licence of each package that is in it', () => {
    const notices = readFileSync(join(project, 'node_modules/sealpost/dist/package/NOTICES'), 'utf8');
    for (const name of ['zod', '@aws-sdk/client-dynamodb', 'acme-client', 'tldts', '@stricli/core'])
      expect(notices).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });

  test('has a sum for each of its programs', () => {
    const folder = join(project, 'node_modules/sealpost/dist/package');
    const checked = execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
    expect(checked).toBe('');
    const summed = readFileSync(join(folder, 'SHA256SUMS'), 'utf8');
    expect(summed).toMatch(/^[0-9a-f]{64}  dist\/claim-domain\/index\.js$/m);
  });
});

const installed = () => JSON.parse(readFileSync(join(project, 'node_modules/sealpost/package.json'), 'utf8'));

describe('its types', () => {
  test('lead to files of the package and to CDK only', () => {
    const root = join(project, 'node_modules/sealpost');
    const seen = new Set<string>();
    const foreign: string[] = [];
    const follow = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, of] of readFileSync(join(root, file), 'utf8').matchAll(/(?:from |import\()['"]([^'"]+)['"]/g))
        if (of!.startsWith('.')) follow(posix.join(dirname(file), of!.replace(/\.js$/, '.d.ts')));
        else if (!/^(aws-cdk-lib|constructs)(\/|$)/.test(of!)) foreign.push(`${file} → ${of}`);
    };
    follow(installed().types);
    expect(foreign).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
  });

  test('say what each property is for', () => {
    const text = readFileSync(join(project, 'node_modules/sealpost/dist/package/lib/sealpost-props.d.ts'), 'utf8');
    const properties = [...text.matchAll(/^    readonly (\w+)\??:/gm)].map(([, name]) => name);
    const described = [...text.matchAll(/\*\/\n    readonly (\w+)\??:/g)].map(([, name]) => name);
    expect(properties.length).toBeGreaterThan(10);
    expect(properties.filter(name => !described.includes(name))).toEqual([]);
  });
});

describe.each(nodes)('with Node $version', ({ program }) => {
  const SEALPOST = 'node_modules/sealpost/bin/sealpost.mjs';

  test('the command prints its help and its version', async () => {
    const help = await run(program, [SEALPOST, '--help']);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('sealpost status') });
    expect((await run(program, [SEALPOST, '--version'])).stdout.trim()).toBe(installed().version);
  });

  test('doctor writes the installer that the functions know by its hash', async () => {
    const { stdout } = await run(program, [SEALPOST, 'doctor', '--installer', 'installer.sh', '--json']);
    const { sha256 } = JSON.parse(stdout);
    const sender = readFileSync(
      join(project, 'node_modules/sealpost/dist/package/dist/send-delivery/index.js'),
      'utf8',
    );
    expect(sender).toContain(sha256);
    expect(execFileSync('sha256sum', ['installer.sh'], { cwd: project, encoding: 'utf8' })).toContain(sha256);
  });

  test('an app imports the construct, and another one requires it', async () => {
    const made = "new Sealpost(new Stack(new App(), 'S'), 'M', { issuers: [] })";
    writeFileSync(
      join(project, 'imports.mjs'),
      `import { App, Stack } from 'aws-cdk-lib'; import { Sealpost } from 'sealpost'; ${made};`,
    );
    writeFileSync(
      join(project, 'requires.cjs'),
      `const { App, Stack } = require('aws-cdk-lib'); const { Sealpost } = require('sealpost'); ${made};`,
    );
    for (const file of ['imports.mjs', 'requires.cjs']) {
      const { code, stderr } = await run(program, [file]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('S/M: ') });
      expect(stderr).toContain('S/M: acmeContact is missing. challengeZone is missing.');
    }
  });
});

test('the example synthesises, AWS would make each resource, and status finds the deployment', async () => {
  const cdkOut = join(project, 'cdk.out');
  // Whoever is paged is nobody's business here, and the stand-in makes no subscriptions.
  const file = join(cdkOut, 'Provider.template.json');
  const { Resources, ...others } = JSON.parse(readFileSync(file, 'utf8'));
  const ours = Object.entries<{ Type: string }>(Resources).filter(([, { Type }]) => Type !== 'AWS::SNS::Subscription');
  writeFileSync(file, JSON.stringify({ ...others, Resources: Object.fromEntries(ours) }));
  const { resources } = await standIn.loadTemplate({ cdkOut, stackName: 'Provider', parameters: {} });
  expect(Object.keys(resources).length).toBeGreaterThan(100);
  const { accessKeyId, secretAccessKey } = standIn.iam.rootCredentials();
  const access = {
    ...{ AWS_ENDPOINT_URL: standIn.endpoint, AWS_REGION: standIn.region },
    ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  };
  const found = await run('npm', ['exec', '--no', '--', 'sealpost', 'status', '--stack', NAME], access);
  expect(found, found.stderr).toMatchObject({ code: 0 });
  const wrong = await run('npm', ['exec', '--no', '--', 'sealpost', 'status', '--stack', 'other'], access);
  expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining('other') });
});

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, type Host } from '../../local/hosts/host.ts';
import { USUAL } from '../../local/hosts/software.ts';
import { parseDocument, replaceParameters } from '../../packages/aws-stand-in/src/ssm/document.ts';

const text = readFileSync(join(import.meta.dirname, '../../install/document.json'), 'utf8');
const document = parseDocument(text);
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');
const role = 'AROA1234567890ABCDEFG';
const platforms = ['Linux', 'Windows'];
const stepsFor = (platform: string) =>
  document.mainSteps.filter(({ precondition }) => precondition?.StringEquals[1] === platform);

describe('the loader document', () => {
  it('takes two hashes and a prefix, and nothing else gets into its script', () => {
    expect(Object.keys(document.parameters!)).toEqual(['delivery', 'installer', 'prefix']);
    for (const platform of platforms) {
      const script = JSON.stringify(stepsFor(platform)[2]);
      expect(new Set(script.match(/{{.*?}}/g))).toEqual(new Set(['{{ delivery }}', '{{ installer }}']));
    }
  });

  it('has a step of its own for each platform, so that none is run on the other', () => {
    expect(document.schemaVersion).toBe('2.2');
    expect(document.mainSteps.map(({ name, action }) => [name, action])).toEqual([
      ['delivery', 'aws:downloadContent'],
      ['installer', 'aws:downloadContent'],
      ['install', 'aws:runShellScript'],
      ['deliveryWindows', 'aws:downloadContent'],
      ['installerWindows', 'aws:downloadContent'],
      ['installWindows', 'aws:runPowerShellScript'],
    ]);
    expect(platforms.flatMap(stepsFor)).toEqual(document.mainSteps);
  });

  it('fetches the same two objects on each, and gives up at the same time', () => {
    const [linux, windows] = platforms.map(platform =>
      stepsFor(platform).map(({ inputs: { sourceInfo, timeoutSeconds } }) => ({ sourceInfo, timeoutSeconds })),
    );
    expect(windows).toEqual(linux);
  });

  it.each([
    ['delivery', 'a'.repeat(64), true],
    ['delivery', 'a'.repeat(63) + ';', false],
    ['installer', `${'a'.repeat(64)}\n`, false],
    ['prefix', `${role}:mi-0123456789abcdef0`, true],
    ['prefix', `${role}:i-0123456789abcdef0`, true],
    ['prefix', `${role}:../../x`, false],
    ['prefix', `${role}:i-0123456789abcdef0/../x`, false],
  ])('%s %j: allowed is %s', (name, value, allowed) => {
    expect(new RegExp(document.parameters![name]!.allowedPattern!).test(value)).toBe(allowed);
  });

  it('fits Fn::Sub: it has no ${', () => {
    expect(text).not.toContain('${');
  });

  it.each(platforms)('is small enough to be read before it is trusted, as far as it runs on %s', platform => {
    const part = { ...JSON.parse(text), mainSteps: stepsFor(platform) };
    expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(2048);
  });
});

describe('on a host', () => {
  let host: Host;
  const directory = mkdtempSync(join(tmpdir(), 'sealpost-document-'));
  beforeAll(async () => {
    host = await startHost({
      name: 'document',
      hostName: 'document.provider.test',
      directory: join(directory, 'host'),
      ...USUAL,
      report: () => {},
    });
  }, 60_000);
  afterAll(async () => {
    await host?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function run(
    installer: string,
    delivery: string,
    named = { installer: sha256(installer), delivery: sha256(delivery) },
  ) {
    const from = `/run/sealpost.${named.delivery}`;
    await host.write(`${from}/installer`, Buffer.from(installer), 0o700);
    await host.write(`${from}/delivery`, Buffer.from(delivery), 0o700);
    const { runCommand } = replaceParameters(document.mainSteps[2]!.inputs, named) as { runCommand: string[] };
    await host.write('/root/_script.sh', Buffer.from(runCommand.join('\n') + '\n'), 0o700);
    const result = await host.run(['/root/_script.sh']);
    const { stdout: left } = await host.run(['sh', '-c', 'ls -d /run/sealpost.* 2>/dev/null']);
    return { ...result, left };
  }

  it('runs the installer on the delivery with its hash, passes its exit code on, and leaves nothing', async () => {
    const installer = 'echo "$(cat "$1") $2"; exit 20\n';
    const result = await run(installer, 'secret');
    expect(result).toMatchObject({ exitCode: 20, stdout: `secret ${sha256('secret')}\n`, left: '' });
  });

  it('runs nothing when the installer or the delivery is not what the command names, and leaves nothing', async () => {
    const named = { installer: sha256('echo right'), delivery: sha256('secret') };
    const wrong = await run('echo wrong', 'secret', named);
    expect(wrong).toMatchObject({ exitCode: 50, stdout: '', left: '' });
    expect(wrong.stderr).toContain('installer: FAILED');
    expect(await run('echo right', 'secreT', named)).toMatchObject({ exitCode: 50, stdout: '', left: '' });
  });

  it('removes the delivery when its installer could not be fetched', async () => {
    const delivery = sha256('secret');
    await host.write(`/run/sealpost.${delivery}/delivery`, Buffer.from('secret'), 0o700);
    const { runCommand } = replaceParameters(document.mainSteps[2]!.inputs, { delivery, installer: delivery }) as {
      runCommand: string[];
    };
    const result = await host.run(['sh', '-c', runCommand.join('\n')]);
    expect(result.exitCode).toBe(50);
    expect((await host.run(['sh', '-c', 'ls -d /run/sealpost.* 2>/dev/null'])).stdout).toBe('');
  });
});

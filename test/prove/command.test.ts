/** `npm run prove` as a person types it, before any call of AWS. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { policy } from '../../prove/rights.ts';
import { checkout } from '../house/sources.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealpost-prove-'));
afterAll(() => rmSync(directory, { recursive: true }));

function type(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, HOME: directory, AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'eu-west-1' };
  return new Promise(resolve =>
    execFile(process.execPath, [join(checkout, 'prove/command.ts'), ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  );
}

const node = ['--node', 'mi-0123456789abcdef0'];
const server = ['--server', 'mx1.provider.example'];
const zone = ['--zone', 'provider.example'];

describe('prove', () => {
  test('alone prints its help, as a mistyped line', async () => {
    expect(await type()).toMatchObject({ code: 2, stdout: expect.stringContaining('--throw-away') });
    expect(await type('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--throw-away') });
  });

  test('prints the policy for the stack, the region and the zone', async () => {
    const { code, stdout } = await type('--policy', ...zone, '--stack', 'mine');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(policy({ stack: 'mine', region: 'eu-west-1', zone: 'provider.example' }));
  });

  const empty = join(directory, 'empty.pem');
  writeFileSync(empty, '');
  const thrown = ['--throw-away', ...zone, '--contact', 'mailto:you@provider.example'];
  test.each([
    ['an unknown option', ['--nod', 'x'], "Unknown option '--nod'"],
    ['no zone', [...node, ...server], 'prove needs --zone.'],
    ['no node', [...server, ...zone], 'prove needs --node.'],
    ['no server', [...node, ...zone], 'prove needs --server.'],
    ['a node that is none', ['--node', 'mx1', ...server, ...zone], '--node "mx1" is no id of a node.'],
    ['a server that is none', [...node, '--server', 'not a name', ...zone], '--server'],
    ['no contact', ['--throw-away', ...zone], 'prove needs --contact.'],
    ['no root', [...thrown], 'prove needs --trusted-roots.'],
    ['a root that is none', [...thrown, '--trusted-roots', empty], 'is no file with a certificate in PEM.'],
  ])('refuses %s', async (_, args, said) => {
    const { code, stderr } = await type(...args);
    expect(stderr).toContain(said);
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: expect.toBeOneOf([1, 2]) });
  });

  test('says that there are no credentials, and where they come from', async () => {
    const { code, stderr } = await type(...node, ...server, ...zone);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^There are no AWS credentials\.\nSet AWS_PROFILE/);
  });
});

/**
 * The README's other commands, word for word, one after the other in one clone, as a visitor types
 * them.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneInto } from './clone.ts';
import { scratch } from './provider.ts';

const clone = scratch();
beforeAll(() => cloneInto(clone), 60_000);
afterAll(async () => {
  await type('npm run local -- down');
  rmSync(clone, { recursive: true, force: true });
}, 60_000);

/** @param forMs ends a command that stays, as Ctrl-C does */
async function type(line: string, forMs?: number): Promise<{ exitCode: number | null; output: string }> {
  const child = spawn('bash', ['-c', line], { cwd: clone, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve));
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  if (forMs !== undefined) {
    await sleep(forMs);
    process.kill(-child.pid!, 'SIGINT');
  }
  return { output: (await said).join(''), exitCode: await exited };
}

const inVisit = (command: string) => `eval "$(npm run -s local -- env)" && ${command}`;

describe('a visitor', () => {
  it('starts the provider, with a mail server that is registered and secured', async () => {
    const up = await type('npm run local -- up');
    expect(up).toMatchObject({ exitCode: 0 });
    const status = await type('npm run local -- status');
    expect(status).toMatchObject({ exitCode: 0, output: expect.stringContaining('mx1') });
  }, 300_000);

  it('sees that everything is well', async () => {
    const status = await type(inVisit('sealpost status'));
    expect(status).toMatchObject({ exitCode: 0, output: expect.stringContaining('mx1.provider.test') });
  });

  it("gets the line for a customer's zone", async () => {
    const dns = await type(inVisit('sealpost dns example.com'));
    expect(dns).toMatchObject({ exitCode: 0 });
    expect(dns.output).toMatch(/^_acme-challenge\.example\.com\.\s.*CNAME\s+[0-9a-f]{32}\.acme\.provider\.test\.$/m);
  });

  it('can ask for a renewal only of a known domain', async () => {
    const renew = await type(inVisit('sealpost renew example.com'));
    expect(renew).toMatchObject({ exitCode: 2, output: expect.stringContaining('example.com is not known here') });
  });

  it('watches the executions until Ctrl-C', async () => {
    const { output } = await type(inVisit('sealpost watch'), 6_000);
    expect(output).not.toMatch(/[Ee]rror/);
  });

  it('tries the first hour of an account, after which everything is as before', async () => {
    const prove = await type(
      inVisit('npm run prove -- --node "$SEALPOST_NODE_MX1" --server mx1.provider.test --zone provider.test --yes'),
    );
    expect(prove).toMatchObject({ exitCode: 0, output: expect.stringContaining('Every answer is as expected.') });
    const status = await type(inVisit('sealpost status'));
    expect(status).toMatchObject({ exitCode: 0, output: expect.stringContaining('mx1.provider.test') });
  }, 240_000);

  it('removes every trace', async () => {
    const down = await type('npm run local -- down');
    expect(down).toMatchObject({ exitCode: 0 });
    const status = await type('npm run local -- status');
    expect(status).toMatchObject({ exitCode: 1 });
  });
});

/** The command line as a process, which finds the stand-in by the standard AWS environment. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { store as storeOn } from '../../aws/store.ts';
import { Table } from '../../aws/table.ts';
import { main } from '../../bin/sealpost.ts';
import { monthOf } from '../../core/acm/quota.ts';
import { challengeTarget } from '../../core/dns/challenge-place.ts';
import type { Store } from '../../core/ports/store.ts';
import { certificate, mx1, mx2 } from '../aws/store.stage.ts';
import { startAccount, type Account } from '../../packages/aws-stand-in/src/testing.ts';
import { makeTable } from '../aws/tables.ts';

const ZONE = 'challenges.example';
let provider: Account;
let code: string;
let store: Store;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  provider = await startAccount(['dynamodb', 'sqs', 'logs', 'lambda', 'states', 'events']);
  const table = await makeTable(provider);
  store = storeOn(new Table(provider.client(DynamoDBClient), table));
  await deployClaimDomain(table);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await provider.stop();
  await rm(code, { recursive: true });
});

function role(service: string, name: string): string {
  const trust = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  return provider.cloud.iam.putRole(name, { Version: '2012-10-17', Statement: [trust] }, []).arn;
}

/** The function whose environment names the stack's table. Nothing here runs it. */
async function deployClaimDomain(table: string): Promise<void> {
  code = await mkdtemp(join(tmpdir(), 'sealpost-bin-'));
  await writeFile(join(code, 'index.js'), 'exports.handler = async () => {};');
  await provider.cloud.service('lambda').resources!['AWS::Lambda::Function']!({
    logicalId: 'ClaimDomain',
    stackName: 'sealpost',
    assetPath: () => code,
    properties: {
      FunctionName: 'sealpost-claim-domain',
      Code: { S3Bucket: 'assets', S3Key: 'claim-domain.zip' },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Role: role('lambda.amazonaws.com', 'claim-domain'),
      Environment: { Variables: { TABLE: table, CHALLENGE_ZONE_NAME: ZONE } },
    },
  });
}

/** @param wrapped makes another command line of it, to be run in its place */
function start(
  args: string[],
  environment: NodeJS.ProcessEnv = {},
  wrapped: (command: string[]) => string[] = command => command,
) {
  const { endpoint, region, iam } = provider.cloud;
  const { accessKeyId, secretAccessKey } = iam.rootCredentials();
  const sealpost = join(import.meta.dirname, '../../bin/sealpost.mjs');
  const [program, ...given] = wrapped([process.execPath, sealpost, ...args]);
  const child = spawn(program!, given, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...{ PATH: process.env.PATH, HOME: code, AWS_ENDPOINT_URL: endpoint, AWS_REGION: region },
      ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      ...environment,
    },
  });
  children.add(child);
  const said = { out: '', error: '' };
  child.stdout.on('data', chunk => (said.out += chunk));
  child.stderr.on('data', chunk => (said.error += chunk));
  const ended = new Promise<number | null>(resolve => child.on('close', resolve)).finally(() => children.delete(child));
  return { child, said, ended };
}

async function sealpost(args: string, environment?: NodeJS.ProcessEnv) {
  const { said, ended } = start(args.split(' '), environment);
  return { code: await ended, ...said };
}

/** A wish that was taken up, and is parked or has a certificate committed. */
async function claimed(domain: string, servers: string[], execution: string): Promise<void> {
  await store.acceptWish({ domain, mailServers: servers, policy: 'wildcard' }, { at: Date.now() }, Date.now());
  await store.claimDomain({ domain, me: execution, now: Date.now() });
}
async function issued(domain: string, servers: string[]): Promise<void> {
  const now = Date.now();
  await claimed(domain, servers, 'issuing');
  const names = [domain, `*.${domain}`];
  const stored = certificate({
    names,
    notBefore: now,
    notAfter: now + 90 * 86_400_000,
    renewAt: now + 60 * 86_400_000,
  });
  await store.commitCertificate({ domain, me: 'issuing', seen: 1, certificate: stored, servers, now });
  await store.releaseDomain({ domain, me: 'issuing', seen: 1, now }, stored.renewAt);
}
async function seenServed(domain: string, server: string): Promise<void> {
  const work = (await store.work(server, 100)).find(one => one.domain === domain)!;
  const fingerprint = 'f'.repeat(64);
  const seen = { domain, certificate: 'c'.repeat(64), fingerprint, seenAt: Date.now(), node: 'mi-0123456789abcdef0' };
  await store.recordInstalled(server, work, seen);
  await store.endWork(server, work);
}
async function registered(server: string): Promise<void> {
  const now = Date.now();
  await store.registerServer(
    { server, node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true },
    { at: now, now },
  );
  const me = (await store.wakeServer(server, now))!;
  const { seq, wanted } = await store.renewServer({ server, me, now });
  await store.startDelivery({ server, me, now }, { hash: 'h', seq: seq + 1, mode: 'inspect' });
  const learnt = { capability: { os: ['debian 12'], ports: ['25,993'] }, hostSecuredAt: now };
  await store.endDelivery({ server, me, now }, { hash: 'h', changes: learnt });
  await store.releaseServer({ server, me, now }, { wanted });
}

describe('sealpost', { timeout: 60_000 }, () => {
  test('with nothing on record says what to begin with, and that is no trouble', async () => {
    const { code, out } = await sealpost('status');
    expect(out).toContain('Mail Server Registered');
    expect(code).toBe(0);
  });

  test('status is 0 while all is well, and shows what is installed where and what comes next', async () => {
    await registered(mx1);
    await registered(mx2);
    await issued('bakery.example', [mx1, mx2]);
    await seenServed('bakery.example', mx1);
    await seenServed('bakery.example', mx2);
    await issued('xn--bcher-kva.example', [mx1]);
    const { code, out, error } = await sealpost('status');
    expect(error).toBe('');
    expect(out).toMatch(/^2 domains, all well; 2 servers, all well/);
    expect(out).toMatch(/bakery\.example +installed on 2 of 2 +\d{4}-.* renewal \d{4}-.*\(in \d+ d\)/);
    expect(out).toMatch(/bücher\.example \(xn--bcher-kva\.example\) +issued .* delivery/);
    expect(out).toMatch(/mx1\.provider\.example +1 waiting/);
    expect(code).toBe(0);
  });

  test('status is 1 as soon as one domain is parked, with the reason and what can be done', async () => {
    await claimed('elsewhere.example', [mx1], 'parking');
    const parked = { reason: 'DomainNotManaged' as const, message: 'not delegated to us', tries: 1 };
    const since = Date.now();
    await store.parkDomain(
      { domain: 'elsewhere.example', me: 'parking', seen: 1 },
      { ...parked, since, nextTry: since + 60_000 },
      [],
    );
    const { code, out } = await sealpost('status');
    expect(out).toMatch(/^3 domains, 1 not well/);
    expect(out).toMatch(/elsewhere\.example +parked: DomainNotManaged .* tried again .*\(in \d+ (s|min)\)/);
    expect(out).toMatch(/elsewhere\.example: not delegated to us\n +→ Have the line/);
    expect(code).toBe(1);
  });

  test('status of that domain alone has the line for its zone, and of another one is 0', async () => {
    const parked = await sealpost('status elsewhere.example');
    const line = `_acme-challenge.elsewhere.example. CNAME ${challengeTarget('elsewhere.example', { name: ZONE })}.`;
    expect(parked.out).toContain(line);
    expect(parked.code).toBe(1);
    const well = await sealpost('status BAKERY.example');
    expect(well.out).toContain('89 days left');
    expect(well.code).toBe(0);
  });

  test('status of a server has what waits for it and what was seen served there', async () => {
    const { code, out } = await sealpost(`status ${mx1}`);
    expect(out).toMatch(/^mx1\.provider\.example: 1 waiting/);
    expect(out).toContain('25,993');
    expect(out).toMatch(/bücher\.example \(xn--bcher-kva\.example\) +waiting/);
    expect(out).toMatch(/bakery\.example +installed/);
    expect(code).toBe(0);
  });

  test('status --json is for programs: the same answer, times in ISO 8601', async () => {
    const { code, out } = await sealpost('status --json');
    const { domains, well } = JSON.parse(out);
    expect(well).toBe(false);
    expect(domains[0]).toMatchObject({ name: 'elsewhere.example', state: 'parked', reason: 'DomainNotManaged' });
    expect(domains[0].next.at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(code).toBe(1);
  });

  test('status names an issuer in trouble, since when, why, and when it is asked again', async () => {
    const [since, until] = [Date.now() - 3_600_000, Date.now() + 600_000];
    const trouble = { issuer: 'first', reason: 'AcmeUnavailable' as const, message: 'no answer', since, failures: 2 };
    await store.recordTrouble('https://first.example/dir', { trouble: { ...trouble, until } });
    await store.recordTrouble('https://second.example/dir', {
      trouble: { ...trouble, issuer: 'second', until: since },
    });
    const { code, out } = await sealpost('status');
    expect(code).toBe(1);
    expect(out.split('\n')[0]).toMatch(/; first in trouble$/);
    expect(out).toMatch(/^Issuer +State +Since +Next$/m);
    expect(out).toMatch(/^first +in trouble: AcmeUnavailable +.*asked again/m);
    expect(out).toContain(
      'first: no answer; until then other issuers are asked first, and a domain that may use no other issuer waits.',
    );
    expect(out).not.toContain('second.example');
    const { issuers } = JSON.parse((await sealpost('status --json')).out);
    expect(issuers).toEqual([
      expect.objectContaining({
        ...{ kind: 'issuer', name: 'first', directory: 'https://first.example/dir', reason: 'AcmeUnavailable' },
        ...{ since: new Date(since).toISOString(), next: { what: 'asked again', at: new Date(until).toISOString() } },
        ...{ failures: 2, well: false },
      }),
    ]);
  });

  test('status says what was counted of ACM’s quotas, once something was imported', async () => {
    expect((await sealpost('status')).out).not.toContain('ACM');
    const arn = 'arn:aws:acm:us-east-1:000000000000:certificate/1';
    await store.askReEvaluation('bakery.example', Date.now());
    await store.claimDomain({ domain: 'bakery.example', me: 'importing', now: Date.now() });
    await store.recordAcm({ domain: 'bakery.example', me: 'importing' }, { arn, certificate: 'c'.repeat(64) });
    const quotas = { certificates: 2_500, importsAYear: 5_000 };
    for (const month of [monthOf(Date.now()), '202001']) await store.countImport(month, quotas);
    expect((await sealpost('status')).out).toContain(
      'ACM, by our own count: 1 of 2500 certificates, 1 of 5000 imports in 365 days',
    );
    expect(JSON.parse((await sealpost('status --json')).out).acm).toEqual({
      ...{ certificates: 1, importsOfAYear: 1, quotas },
    });
  });

  test('dns prints what can be pasted into a zone file, for a domain that is known or is yet to come', async () => {
    const line = (name: string) => `_acme-challenge.${name}. CNAME ${challengeTarget(name, { name: ZONE })}.\n`;
    expect(await sealpost('dns elsewhere.example')).toEqual({ code: 0, out: line('elsewhere.example'), error: '' });
    expect((await sealpost('dns bücher.example')).out).toBe(line('xn--bcher-kva.example'));
    const listed = await sealpost('dns new.example --names mail,webmail');
    expect(listed.out).toBe(line('mail.new.example') + line('webmail.new.example'));
    const [record] = JSON.parse((await sealpost('dns new.example --json')).out);
    expect(record).toEqual({
      ...{ name: '_acme-challenge.new.example.', type: 'CNAME' },
      value: `${challengeTarget('new.example', { name: ZONE })}.`,
    });
  });

  test.each([
    ['stats', 'there is no command stats'],
    ['status one.example two.example', 'status takes one name'],
    ['status --jsno', '--jsno'],
    ['status *.example.com', 'is a wildcard'],
    ['dns', 'dns needs a domain'],
    ['watch --json', 'watch takes nothing'],
    ['renew', 'renew needs a domain, or --server SERVER, or --all'],
    ['renew example.com --all', 'renew needs a domain, or --server SERVER, or --all'],
    ['status --all', '--server, --all, --dry-run and --yes belong to renew'],
  ])('%s is mistyped: 2, and told why', async (args, why) => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {});
    expect(await main(args.split(' '))).toBe(2);
    expect(told.mock.calls.join()).toContain(why);
    told.mockRestore();
  });

  test.each([
    ['status --stack other', {}, 'There is no stack other'],
    ['status', { AWS_ACCESS_KEY_ID: '', AWS_EC2_METADATA_DISABLED: 'true' }, 'There are no AWS credentials'],
    ['status', { AWS_REGION: undefined }, 'There is no AWS region'],
    [
      'status --profile nobody',
      { AWS_EC2_METADATA_DISABLED: 'true' },
      'There are no AWS credentials of the profile nobody',
    ],
    ['dns example.com', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'Nothing answers at http://127.0.0.1:1'],
    ['watch', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'Nothing answers at http://127.0.0.1:1'],
  ])('what could not be looked up is 3, and says what to set: %s %o', async (args, environment, why) => {
    const { code, error } = await sealpost(args, environment);
    expect(error).toContain(why);
    expect(code).toBe(3);
  });

  test('of a name that nobody has spoken of it says so', async () => {
    const { code, error } = await sealpost('status nobody.example');
    expect(error).toContain('nobody.example is not known here');
    expect(code).toBe(1);
  });

  describe('what is written for a program', () => {
    test('of a name that nobody knows is one object on stderr, and nothing on stdout', async () => {
      const { code, out, error } = await sealpost('status nobody.example --json');
      expect([code, out]).toEqual([1, '']);
      expect(JSON.parse(error)).toEqual({
        name: 'NotKnown',
        message: 'nobody.example is not known here, neither as a domain nor as a server.',
        remedy: 'sealpost status lists what is known.',
        exitCode: 1,
      });
    });

    test('of a stack that there is not is one object on stderr, too', async () => {
      const { code, out, error } = await sealpost('--json status --stack other');
      expect([code, out]).toEqual([3, '']);
      expect(JSON.parse(error)).toEqual({
        name: 'ResourceNotFoundException',
        message: expect.stringContaining('There is no stack other'),
        remedy: expect.stringContaining('--stack'),
        exitCode: 3,
      });
    });
  });

  describe('a reader that has had enough', () => {
    const piped = (line: string) => (command: string[]) => [
      ...['bash', '-c', `${[...command, line].join(' ')}; echo "exit code $\{PIPESTATUS[0]}" >&2`],
    ];

    test.each([
      ['status --json', '| true'],
      ['--help', '| true'],
    ])('of %s ends it without a word, as SIGPIPE ends other programs', async (args, line) => {
      const { said, ended } = start(args.split(' '), {}, piped(line));
      await ended;
      expect(said).toEqual({ out: '', error: 'exit code 141\n' });
    });

    test('is not a disk that is full', async () => {
      const { said, ended } = start(['status', '--json'], {}, piped('> /dev/full'));
      await ended;
      expect(said).toEqual({ out: '', error: 'The output cannot be written (ENOSPC).\nexit code 3\n' });
    });
  });

  test('watch without a terminal prints a line for each state, until it is interrupted', async () => {
    const { ref } = await provider.make('AWS::StepFunctions::StateMachine', 'secure-domain', {
      StateMachineName: 'sealpost-secure-domain',
      RoleArn: role('states.amazonaws.com', 'secure-domain'),
      DefinitionString: JSON.stringify({
        QueryLanguage: 'JSONata',
        StartAt: 'ClaimDomain',
        States: {
          ClaimDomain: { Type: 'Wait', Seconds: '{% $states.input.detail.seconds %}', Next: 'CreateOrder' },
          CreateOrder: { Type: 'Fail', Error: 'AcmeRejected', Cause: 'no such luck' },
        },
      }),
    });
    await provider.cloud.resume();
    const { child, said, ended } = start(['watch']);
    const begin = (domain: string, seconds: number) => {
      const input = JSON.stringify({ detail: { domain, seconds } });
      return provider.client(SFNClient).send(new StartExecutionCommand({ stateMachineArn: ref, input }));
    };
    const outcome = (lines: RegExp) => expect.poll(() => said.out, { timeout: 20_000 }).toMatch(lines);
    await begin('bakery.example', 600);
    await outcome(/bakery\.example +secure-domain +ClaimDomain/);
    await begin('florist.example', 0);
    await outcome(/florist\.example .* CreateOrder\n.*florist\.example .* failed: AcmeRejected no such luck/);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(said).toMatchObject({ error: '', out: expect.not.stringContaining('\x1b') });
  });

  /** util-linux's script gives the command a terminal of its own. */
  const onTerminal = (command: string[]) => [
    'script',
    '--quiet',
    '--return',
    '--command',
    command.join(' '),
    '/dev/null',
  ];

  test('watch on a terminal draws what runs in place, again and again, until q is typed', async () => {
    const { child, said, ended } = start(['watch'], { TERM: 'xterm' }, onTerminal);
    await expect
      .poll(() => said.out, { timeout: 20_000 })
      .toMatch(/q ends it\.[^]*bakery\.example[^]*\x1b\[\d+A\r\x1b\[J/);
    child.stdin.write('q');
    expect(await ended).toBe(0);
  });

  test('watch --quiet draws the same without a headline', async () => {
    const { child, said, ended } = start(['watch', '--quiet'], { TERM: 'xterm' }, onTerminal);
    await expect.poll(() => said.out, { timeout: 20_000 }).toMatch(/bakery\.example[^]*\x1b\[\d+A\r\x1b\[J/);
    child.stdin.write('q');
    expect(await ended).toBe(0);
    expect(said.out).not.toContain('q ends it');
  });
});

import { beforeAll, expect, test } from 'vitest';
import { TEST_MAILBOX } from '../../../local/hosts/mail-server.ts';
import { ensureSwaks, ensureTestssl, testsslVerdicts } from '../../../local/tools/judges.ts';
import { runProgram } from '../../../local/machine/program.ts';
import { until } from '../../../local/provider/panel.ts';
import type { Tool } from '../../../local/tools/unpacked.ts';
import { directory, environment, local } from './visitor.ts';

/** A domain that the tests of the command line have created. It is served by now. */
const NAME = 'mail.stranger.example';

let env: Record<string, string>;
let testssl: Tool;
let swaks: Tool;

const verdicts = (name: string, port: number, starttls?: 'smtp') => {
  const [address, caFile] = [env.SEALPOST_HOST_MX1!, env.SEALPOST_CA_FILE!];
  return testsslVerdicts(testssl, { name, address, port, starttls, caFile, directory });
};

/**
 * Sends one mail by swaks, with its own subject. This version of swaks verifies the chain and no
 * name.
 */
function send(subject: string, ...more: string[]) {
  const { user } = TEST_MAILBOX;
  const mail = ['--from', user, '--to', user, '--header', `Subject: ${subject}`, '--server', env.SEALPOST_HOST_MX1!];
  return runProgram([...swaks.command, ...mail, '--tls', '--tls-verify', '--tls-sni', NAME, ...more], {
    environment: { ...process.env, ...swaks.environment } as Record<string, string>,
  });
}

const inMailbox = (subject: string) =>
  local('host', 'exec', 'mx1', '--', 'grep', '-rqx', `Subject: ${subject}`, '/var/vmail').then(
    ({ exitCode }) => exitCode === 0,
  );

export function judgesSuite(): void {
  beforeAll(async () => {
    env = await environment();
    testssl = await ensureTestssl(console.log);
    swaks = await ensureSwaks(console.log);
  }, 300_000);

  test("testssl.sh finds chain and name good on 993, and another domain's name wrong on 587", async () => {
    // testssl.sh takes three quarters of a minute of a core for each port. swaks covers port 25
    // here, posttls-finger covers it in test/install.
    const [good, wrong] = await Promise.all([verdicts(NAME, 993), verdicts('mail.nobody.example', 587, 'smtp')]);
    expect(good).toMatchObject({
      cert_chain_of_trust: 'OK: passed.',
      cert_trust: expect.stringMatching(/^OK: Ok via SAN wildcard/),
      cert_subjectAltName: expect.stringContaining('*.stranger.example'),
    });
    expect(wrong).toMatchObject({
      cert_chain_of_trust: 'OK: passed.',
      cert_trust: expect.stringMatching(/^HIGH: certificate does not match supplied URI/),
    });
  }, 600_000);

  test('dig gets an answer from both name servers of a zone, over UDP and TCP', async () => {
    const environmentOf = { ...process.env, ...testssl.environment } as Record<string, string>;
    const dig = (...question: string[]) =>
      runProgram(['dig', `@${env.SEALPOST_DNS}`, '+short', ...question], { environment: environmentOf });
    for (const how of [[], ['+tcp']]) {
      const { stdout, stderr } = await dig(...how, 'stranger.example', 'NS');
      expect(stdout.trim().split('\n').sort(), stderr).toEqual(['ns1.dns.test.', 'ns2.dns.test.']);
    }
  });

  test("openssl s_client verifies chain and name at the addresses of env, and refuses another domain's name", async () => {
    const connect = ['openssl', 's_client', '-connect', `${env.SEALPOST_HOST_MX1}:993`, '-servername', NAME];
    const look = (name: string) =>
      runProgram([...connect, '-verify_hostname', name, '-CAfile', env.SEALPOST_CA_FILE!, '-verify_return_error'], {
        input: '',
      });
    expect(await look(NAME)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Verify return code: 0 (ok)'),
    });
    expect((await look('mail.nobody.example')).exitCode).not.toBe(0);
  });

  test('posttls-finger, inside the test host, verifies port 25 by the host name and by the domain’s name', async () => {
    const finger = ['posttls-finger', '-c', '-l', 'secure', '-F', '/etc/ssl/certs/ca-certificates.crt'];
    for (const name of [NAME, env.SEALPOST_NAME_MX1!]) {
      const said = await local('host', 'exec', 'mx1', '--', ...finger, '-s', name, '[127.0.0.1]:25', name);
      expect(said.stdout + said.stderr).toContain('Verified TLS connection established');
    }
  });

  const roots = () => ['--tls-ca-path', env.SEALPOST_CA_FILE!];
  const login = ['--auth', 'PLAIN', '--auth-user', TEST_MAILBOX.user, '--auth-password', TEST_MAILBOX.password];

  test.each([
    ['port 25, as another mail server', '25', []],
    ['submission, as a mail program', '587', login],
  ])('swaks delivers a mail over verified TLS by %s', async (_how, port, more) => {
    const { exitCode, stdout, stderr } = await send(`by ${port}`, '--port', port, ...roots(), ...more);
    expect(exitCode, stdout + stderr).toBe(0);
    await until('the mail in the mailbox', 30, () => inMailbox(`by ${port}`));
  });

  test('swaks sends nothing to a server whose chain ends in no trusted root', async () => {
    const { exitCode, stdout, stderr } = await send('never', '--port', '25');
    expect(exitCode).not.toBe(0);
    expect(stdout + stderr).toMatch(/certificate verify failed|TLS startup failed/i);
    expect(await inMailbox('never')).toBe(false);
  });
}

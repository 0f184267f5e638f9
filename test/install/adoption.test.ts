/**
 * What the shared part of adoption makes of an adapter's answers: consent, a fault of the staged
 * files, an adoption that is undone, an undo that does not help, and software that is left out. The
 * adapter's functions are replaced, so that each answer is certain, and one port stands for all.
 */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { installer } from '../../install/assemble.ts';
import { startMailHost, type Answer, type DeliveryOptions, type MailHost } from './mail-host.ts';

vi.setConfig({ testTimeout: 90_000 });
let mail: MailHost;
let before: string;
let own: string;
const configuration =
  'find /etc/postfix -type f -exec sha256sum {} + | sort; find /etc/postfix -printf "%p %m %u\\n" | sort';
const others = ['dovecot', 'nginx'];

beforeAll(async () => {
  mail = await startMailHost('adoption');
}, 300_000);
afterAll(() => mail?.stop());
beforeEach(async () => {
  before = await mail.sh(configuration);
  own = await mail.served(465, '');
});

/** An inspection by an installer with these functions in place of the adapter's. */
function inspect(options: DeliveryOptions, functions = ''): Promise<Answer> {
  const edit = (text: string) =>
    text.replace('\nmain "$@"', `\npostfix_ports() { echo 465; }\n${functions}\nmain "$@"`);
  return mail.run(mail.write([], { mode: 'inspect', leaveOut: others, ...options }), { edit });
}
const told = ({ rest }: Answer) => rest.filter(line => /^fact (daemon \S+|adopted) /.test(line));
const refused = async () =>
  (await mail.deliver([{ domain: 'example.test', certificate: mail.wildcard('example.test') }])).rest[0];
const out = others.map(daemon => `fact daemon ${daemon} left-out the registration leaves it out`);
const losing = "postfix_loses() { echo 'the RSA certificate /etc/x.pem'; }";

it('what would be lost needs the stronger word, and the domains say so', async () => {
  const answer = await inspect({ adopt: true }, losing);
  const loses = 'fact daemon postfix loses the RSA certificate /etc/x.pem';
  expect(told(answer)).toEqual([loses, ...out, 'fact adopted no']);
  expect(answer.rest).toContainEqual(expect.stringMatching(/^fact plan postfix \S/));
  expect(await mail.sh(configuration)).toBe(before);
  expect(await refused()).toBe(
    '1 r InstallRefused this server is not adopted; postfix waits for consent to lose something: the RSA certificate /etc/x.pem',
  );
});

it('a name of leaveOut that no adapter has is refused, and nothing is adopted', async () => {
  const leaveOut = ['ngnix', 'dovecot'];
  const answer = await inspect({ adopt: true, leaveOut });
  expect(told(answer)[0]).toMatch(
    /^fact daemon ngnix refused "leaveOut" names ngnix, and sealpost knows postfix .*nginx.*mend the registration$/,
  );
  expect(told(answer)).toContain('fact adopted no');
  expect(await mail.sh(configuration)).toBe(before);
});

it('a fault of the staged files is a refusal: nothing is written', async () => {
  const answer = await inspect({ adopt: true }, "postfix_stage() { echo '/etc/postfix/main.cf:7: no such key'; }");
  expect(told(answer)).toContain('fact daemon postfix refused /etc/postfix/main.cf:7: no such key');
  expect(await mail.sh(configuration)).toBe(before);
  expect(await refused()).toContain('postfix is refused: /etc/postfix/main.cf:7: no such key');
});

it('an adoption that fails is undone byte for byte, says what was seen, and is not tried without consent', async () => {
  const undone = 'fact daemon postfix undone it logged: fatal: no shared cipher';
  const answer = await inspect({ adopt: true }, "postfix_log() { echo 'fatal: no shared cipher'; }");
  expect(told(answer)).toContain(undone);
  expect(await mail.sh(configuration)).toBe(before);
  expect(await mail.served(465, '')).toBe(own);
  expect(told(await inspect({}))).toContain(undone);
});

it('an undo after which another certificate is served is broken', async () => {
  const spoilt = [
    "postfix_log() { echo 'fatal: no shared cipher'; }",
    'postfix_undo() { give_back postfix; postconf -e smtpd_tls_chain_files=/etc/spoilt.pem; postfix reload; }',
  ].join('\n');
  await mail.sh('cp -a /etc/postfix /root/postfix');
  await mail.sh(
    'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=spoilt -keyout /etc/spoilt.pem -out /root/spoilt.crt 2>/dev/null; cat /root/spoilt.crt >>/etc/spoilt.pem',
  );
  const answer = await inspect({ adopt: true }, spoilt);
  expect(told(answer)).toContain('fact daemon postfix broken it logged: fatal: no shared cipher');
  await mail.sh('rm -rf /etc/postfix /etc/spoilt.pem && mv /root/postfix /etc/postfix && postfix reload');
  await expect.poll(() => mail.served(465, ''), { timeout: 10_000 }).toBe(own);
});

it('with consent to the loss it is adopted, and one that is left out is given back by a person alone', async () => {
  const said = await inspect({ adopt: 'with-losses' }, losing);
  expect(told(said)).toEqual(['fact daemon postfix adopted ', ...out, 'fact adopted yes']);
  expect(said.rest).toContain('fact ports 465');
  expect(said.rest).toContain('fact serves-by-name postfix');
  expect(await mail.served(465, '')).toBe(own);
  expect(told(await inspect({ adopt: true, leaveOut: ['postfix', ...others] }))[0]).toBe(
    'fact daemon postfix adopted the registration leaves it out: sh installer.sh undo-adoption postfix takes it out on the server',
  );
  await mail.sh('echo "# by hand" >>/etc/postfix/main.cf');
  await mail.host.write('/root/installer', Buffer.from(installer().text), 0o700);
  await expect(mail.sh('sh /root/installer undo-adoption nginx')).rejects.toThrow('nginx is not adopted');
  expect(await mail.sh('sh /root/installer undo-adoption postfix')).toBe(
    'kept /etc/postfix/main.cf: what was changed in it after adoption stays',
  );
  await mail.sh('sed -i "/^# by hand$/d" /etc/postfix/main.cf');
  expect(await mail.sh(configuration)).toBe(before);
  expect(await mail.served(465, '')).toBe(own);
});

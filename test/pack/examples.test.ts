/** The examples that are not TypeScript: each is a text of its language, without a mistake. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventsIn } from '../../core/events/events-in.ts';
import { grammarOf } from '../house/grammar.ts';
import { checkout, read } from '../house/sources.ts';

describe.each([
  ['php', 'examples/panel/sealpost.php'],
  ['python', 'examples/panel/sealpost.py'],
  ['bash', 'examples/panel/sealpost.sh'],
] as const)('%s', (language, path) => {
  test(`${path} is read without an error`, async () => {
    expect((await grammarOf(language))(read(path)).hasError).toBe(false);
  });

  test('and a missing bracket is one', async () => {
    const broken = read(path).replace(language === 'bash' ? ')' : ']', '');
    expect((await grammarOf(language))(broken).hasError).toBe(true);
  });
});

test('the hooks name events that there are', () => {
  const named = ['php', 'py'].flatMap(ending =>
    [...read(`examples/panel/sealpost.${ending}`).matchAll(/["']((?:Domain|Mail Server|Certificate) \w+)["']/g)].map(
      ([, event]) => event!,
    ),
  );
  expect(new Set(named)).toEqual(new Set(['Domain Created', 'Domain Deleted']));
  expect(named.filter(event => !Object.hasOwn(eventsIn, event))).toEqual([]);
});

test('the shell hook puts one event, and fails where it was not accepted', () => {
  const detail = JSON.stringify({ domain: 'exa"mple.com', mailServers: ['mx1.provider.example'] });
  const call = (answer: string) =>
    spawnSync(
      'sh',
      [
        '-c',
        `aws() { printf '%s' "$*" >&2; echo ${answer}; }; set -- mail 'Domain Created' "$0"; . ./sealpost.sh`,
        detail,
      ],
      {
        cwd: join(checkout, 'examples/panel'),
        encoding: 'utf8',
      },
    );
  const taken = call('0');
  expect(taken.status).toBe(0);
  const [entry] = JSON.parse(taken.stderr.slice(taken.stderr.indexOf('[{')));
  expect(entry).toEqual({ EventBusName: 'mail', Source: 'panel', DetailType: 'Domain Created', Detail: detail });
  expect(call('1').status).toBe(1);
});

const terraform = spawnSync('terraform', ['version'], { encoding: 'utf8' });
test.skipIf(terraform.error !== undefined)('the Terraform module is read and formatted by terraform', () => {
  const args = ['fmt', '-check', '-diff', 'examples/terraform'];
  expect(execFileSync('terraform', args, { cwd: checkout, encoding: 'utf8' })).toBe('');
});

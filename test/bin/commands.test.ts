/** The table of commands: help, refusals and the README's list. Needs no AWS. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { commands } from '../../bin/commands.ts';
import { main } from '../../bin/sealpost.ts';
import { split } from '../../bin/words.ts';
import { list, parts } from '../house/command-list.ts';
import { json, read } from '../house/sources.ts';

let out: string;
let error: string;
beforeEach(() => {
  [out, error] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation(text => ((out += text), true));
  vi.spyOn(console, 'error').mockImplementation(text => void (error += `${text}\n`));
});
afterEach(() => vi.restoreAllMocks());

async function sealpost(line: string) {
  [out, error] = ['', ''];
  const code = await main(line.split(' ').filter(word => word !== ''));
  return { code, out, error };
}
const names = Object.keys(commands);

test("the README's list is the one of the table; npm run generate writes it", () => {
  expect(parts(read('README.md')).list).toBe(list());
});

describe('help', () => {
  test('names every command and every exit code, and is an error only where nothing was asked for', async () => {
    const asked = await sealpost('--help');
    for (const name of names)
      expect(asked.out.replaceAll(/ +/g, ' ')).toContain(`\n ${name} ${commands[name]!.brief}\n`);
    expect(asked.out).toMatch(/Exit code\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 /);
    expect(asked).toMatchObject({ code: 0, error: '' });
    for (const line of ['help', '-h', '--stack other help', '--json --help', 'help --json', 'help --stack other'])
      expect(await sealpost(line), line).toEqual(asked);
    for (const line of ['', '--stack other']) expect(await sealpost(line), line).toEqual({ ...asked, code: 2 });
  });

  test.each(names)('of %s is the same by each of its names, and has its options and examples', async name => {
    const help = await sealpost(`help ${name}`);
    const { options, examples, argument } = commands[name]!;
    for (const option of [...options.own, ...options.common])
      expect(help.out).toMatch(new RegExp(`^ .*\\[${option}\\] `, 'm'));
    for (const example of examples) expect(help.out).toContain(`\n  sealpost ${example}\n`);
    if (argument !== undefined) expect(help.out).toMatch(new RegExp(`^Arguments\n +\\[?${argument}`, 'm'));
    expect(help).toMatchObject({ code: 0, error: '' });
    for (const line of [
      `${name} --help`,
      `${name} -h`,
      `--stack other help ${name}`,
      `help --stack other ${name}`,
      `--quiet ${name} --help`,
    ])
      expect(await sealpost(line), line).toEqual(help);
  });

  test('fits a terminal of 100 columns, and has no colours of its own', async () => {
    for (const line of ['help', ...names.map(name => `help ${name}`)]) {
      const { out } = await sealpost(line);
      expect(out.split('\n').filter(row => row.length > 100)).toEqual([]);
      expect(out).not.toContain('\x1b');
    }
  });

  test('of a command that there is not is a refusal', async () => {
    expect(await sealpost('help stats')).toMatchObject({
      code: 2,
      error: expect.stringContaining('Did you mean status?'),
    });
  });
});

test('--version is the version of the package', async () => {
  const { version } = json('package.json');
  for (const line of ['--version', '-v'])
    expect(await sealpost(line)).toEqual({ code: 0, out: `${version}\n`, error: '' });
});

describe('the words of a command line', () => {
  test.each([
    ['--stack a status --json', ['status', '--stack', 'a', '--json']],
    ['--names mail dns x.example', ['dns', '--names', 'mail', 'x.example']],
    ['--stack a status --stack b', ['status', '--stack', 'b']],
    ['--stack=a --json status --stack b --json', ['status', '--stack', 'b', '--json']],
    ['status x.example --stack a --stack=b', ['status', 'x.example', '--stack=b']],
    ['--stack a status -- --stack', ['status', '--stack', 'a', '--', '--stack']],
    ['--unknown a status', ['--unknown', 'a', 'status']],
    ['status --stack', ['status', '--stack']],
  ])('%s: the command comes first, and the last of each option is kept', (line, words) => {
    const { before, command, after } = split(line.split(' '));
    expect([command, ...before, ...after]).toEqual(words);
  });

  test('an option has one meaning, whichever commands have it', () => {
    const all = Object.values(commands).flatMap(({ command }) => Object.entries<any>(command.parameters.flags ?? {}));
    const meanings = Map.groupBy(all, ([name]) => name);
    const meaning = ({ kind, placeholder, values }: any) => JSON.stringify([kind, placeholder, values]);
    const several = [...meanings].filter(([, flags]) => new Set(flags.map(([, flag]) => meaning(flag))).size > 1);
    expect(several.map(([name]) => name)).toEqual([]);
    expect(meanings.get('server')).toHaveLength(2);
  });

  test('an option has one meaning, whichever command takes it', () => {
    const kinds = Object.values(commands).flatMap(({ command }) => Object.entries(command.parameters.flags ?? {}));
    const distinct = new Set(kinds.map(([name, { kind }]) => `${name} ${kind}`));
    expect(distinct.size).toBe(new Set(kinds.map(([name]) => name)).size);
  });

  test('--json after -- is an argument, and an error is text', async () => {
    expect(await sealpost('dns -- a.example --json')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/^dns takes/),
    });
  });
});

describe('a refusal names the argument, what is wrong with it, and what to do', () => {
  test.each([
    [
      'stats',
      'UnknownCommand',
      'there is no command stats.',
      'Did you mean status? sealpost --help lists the commands.',
    ],
    ['xyzzy', 'UnknownCommand', 'there is no command xyzzy.', 'sealpost --help lists the commands.'],
    ['constructor', 'UnknownCommand', 'there is no command constructor.', 'sealpost --help lists the commands.'],
    ['--jsno status', 'UnknownCommand', 'no command takes --jsno.', 'sealpost --help lists the commands.'],
    [
      'status --jsno',
      'UnknownOption',
      'status has no option --jsno.',
      'Did you mean --json? See sealpost help status.',
    ],
    ['status --constructor', 'UnknownOption', 'status has no option --constructor.', 'See sealpost help status.'],
    ['status -x', 'UnknownOption', 'status has no option -x.', 'See sealpost help status.'],
    [
      ...['audit mx1.provider.example --go', 'UnknownOption'],
      ...['audit has no option --go: --go, --from, --servers and --to belong to import.', 'See sealpost help audit.'],
    ],
    ['dns', 'MissingArgument', 'dns needs a domain.', 'See sealpost help dns.'],
    ['import', 'MissingArgument', 'import needs a file.', 'See sealpost help import.'],
    ['audit', 'MissingArgument', 'audit needs a server.', 'See sealpost help audit.'],
    [
      'dns a.example b.example',
      'TooManyArguments',
      'dns takes one domain: "b.example" is one argument too many.',
      'See sealpost help dns.',
    ],
    ['status --stack', 'MissingValue', '--stack needs a value.', 'See sealpost help status.'],
    ['status --stack --json', 'MissingValue', '--stack needs a value.', 'See sealpost help status.'],
    ['status --quiet=please', 'InvalidValue', '--quiet takes no value.', 'See sealpost help status.'],
    ['provide a.example --for all', 'InvalidValue', '--for has no value "all".', 'Give mail, webmail or both.'],
    [
      ...['provide a.example --pem a.pem', 'InvalidCombination'],
      ...['provide needs --for mail, --for webmail or --for both.', 'See sealpost help provide.'],
    ],
    [
      ...['renew a.example --all', 'InvalidCombination'],
      'renew needs a domain, or --server SERVER, or --all, and only one of them.',
      'See sealpost help renew.',
    ],
    [
      ...['import /nowhere.csv', 'UnreadableFile', 'The file /nowhere.csv cannot be read (ENOENT).'],
      'Name a CSV file that you may read.',
    ],
  ])('%s', async (line, name, message, remedy) => {
    const forPerson = { code: 2, out: '', error: `${message}\n${remedy}\n` };
    if (!line.includes('--json')) expect(await sealpost(line)).toEqual(forPerson);
    const { code, out, error } = await sealpost(line.includes('--json') ? line : `--json ${line}`);
    expect([code, out, JSON.parse(error)]).toEqual([2, '', { name, message, remedy, exitCode: 2 }]);
  });

  test.each([
    ['status *.example.com', /^the name "\*\.example\.com" is a wildcard/],
    ['renew --server mx1', /^--server "mx1" /],
  ])('%s: the core knows what is wrong with the value', async (line, message) => {
    const { code, error } = await sealpost(`${line} --json`);
    expect(code).toBe(2);
    expect(JSON.parse(error)).toEqual({
      name: 'InvalidStepInput',
      message: expect.stringMatching(message),
      exitCode: 2,
    });
  });
});

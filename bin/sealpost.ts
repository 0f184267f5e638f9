/** The command line: reads what was typed by the table of commands, and prints the answer. */
import { readFile } from 'node:fs/promises';
import { buildApplication, buildRouteMap, proposeCompletions, run, text_en, type Application } from '@stricli/core';
import { common, dashed, FILE, FILES, PROPOSE, withoutPrototype, type Context } from './command.ts';
import { commands } from './commands.ts';
import type { Common, Here } from './here.ts';
import { json } from './json.ts';
import { complain, say } from './output.ts';
import { listed, mistyped, refusalOf, type Refusal } from './refusal.ts';
import { explain } from './trouble.ts';
import { isForProgram, split } from './words.ts';

const HEADERS = {
  ...{ usage: 'Usage', aliases: 'Aliases', commands: 'Commands', flags: 'Options', arguments: 'Arguments' },
};

const ABOUT = `Certificates for hosted mail.

Every command takes ${listed(dashed(common), 'and')}, before its name
or after it, unless its help leaves one out. Of an option that is given twice, the last one counts.
The AWS account and region are those of the standard AWS environment and profiles.

Exit code
  0  all is well
  1  something is not well
  2  the command line is mistyped
  3  the answer could not be looked up`;

/**
 * @param tell is called with each error, of the parser and of a command. The parser would print a
 * text.
 */
function application(tell: (error: unknown) => void): Application<Context> {
  const told = (error: unknown) => (tell(error), '');
  const unknownCommand = ({ input, corrections }: { input: string; corrections: readonly string[] }) => {
    const meant = corrections.map(correction => correction.replaceAll('`', ''));
    const all = 'sealpost --help lists the commands.';
    return told(
      mistyped({
        name: 'UnknownCommand',
        message: input.startsWith('-') ? `no command takes ${input}.` : `there is no command ${input}.`,
        remedy: meant.length > 0 ? `Did you mean ${listed(meant, 'or')}? ${all}` : all,
      }),
    );
  };
  const routes = withoutPrototype(
    Object.fromEntries(Object.entries(commands).map(([name, { command }]) => [name, command])),
  );
  return buildApplication(buildRouteMap({ routes, aliases: withoutPrototype({}), docs: { brief: ABOUT } }), {
    name: 'sealpost',
    versionInfo: { getCurrentVersion: version },
    scanner: {
      allowArgumentEscapeSequence: true,
      distanceOptions: { threshold: 4, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } },
    },
    documentation: { disableAnsiColor: true },
    localization: {
      text: {
        ...text_en,
        headers: HEADERS,
        keywords: { ...text_en.keywords, default: 'default:' },
        briefs: {
          ...text_en.briefs,
          help: 'Print this help, or the help of a command.',
          version: 'Print the version.',
          argumentEscapeSequence: 'What follows is an argument, also where a dash begins it.',
        },
        noCommandRegisteredForInput: unknownCommand,
        exceptionWhileParsingArguments: told,
        exceptionWhileLoadingCommandFunction: told,
        exceptionWhileLoadingCommandContext: told,
        exceptionWhileRunningCommand: told,
      },
    },
  });
}

async function version(): Promise<string> {
  return JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')).version;
}

/** @param words of a command line, of which the last is not finished */
async function propose(app: Application<Context>, words: string[], context: Context): Promise<string[]> {
  const { before, command, after } = split(words);
  if (command === undefined) return [];
  const isRoot = after.length === 0;
  const asked = isRoot ? [command] : command === 'help' ? after : [command, ...before, ...after];
  const found = (await proposeCompletions(app, asked, context)).map(({ completion }) => completion);
  const more = isRoot ? ['help', ...dashed(common)].filter(word => word.startsWith(command)) : [];
  const isFile = found.some(word => word.endsWith(FILE));
  return [...found.filter(word => word !== '--' && !word.endsWith(FILE)), ...more, ...(isFile ? [FILES] : [])];
}

function print({ name, message, remedy, exitCode }: Refusal, { isJson }: { isJson: boolean }): void {
  if (isJson) complain(JSON.stringify({ name, message, remedy, exitCode }));
  else complain(remedy === undefined ? message : `${message}\n${remedy}`);
}

/** @returns the exit code */
export async function main(args: string[]): Promise<number> {
  const errors: unknown[] = [];
  let asked: Common = { stack: 'sealpost' };
  const app = application(error => errors.push(error));
  const here: Context['here'] = typed => {
    asked = typed;
    const isJson = typed.json === true;
    const isQuiet = typed.quiet === true || isJson;
    return {
      ...{ isJson, isQuiet },
      environment: async () => (await import('./environment.ts')).environment(typed, process.env),
      say: line => (isJson ? undefined : say(line)),
      progress: line => (isQuiet ? undefined : say(line)),
    } satisfies Here;
  };
  const context: Context = {
    process: { stdout: process.stdout, stderr: { write() {} } },
    here,
    show: ({ text, data }, typed) => {
      if (typed.json === true) say(json(data));
      else if (text !== '') say(text);
    },
  };
  if (args[0] === PROPOSE) {
    for (const proposal of await propose(app, args.slice(1), context)) say(proposal);
    return 0;
  }
  const { before, command, after } = split(args);
  const isHelp = command === 'help';
  const topic = isHelp ? split(after).command : command;
  await run(app, [topic ?? '--help', ...(isHelp ? ['--help'] : [...before, ...after])], context);
  const [error] = errors;
  if (error === undefined) return command === undefined ? 2 : (context.process.exitCode ?? 0);
  const refusal = refused(error, topic) ?? explain(error, asked);
  print(refusal, { isJson: isForProgram(args) });
  return refusal.exitCode;
}

/** @returns undefined for an error of the command itself */
function refused(error: unknown, command = ''): Refusal | undefined {
  if (!Object.hasOwn(commands, command)) return undefined;
  const { argument, options } = commands[command]!;
  const belongs = (option: string) => {
    const [owner, of] = Object.entries(commands).find(([, { options }]) => options.own.includes(option)) ?? [];
    if (!of) return undefined;
    return `${listed(of.options.own, 'and')} ${of.options.own.length > 1 ? 'belong' : 'belongs'} to ${owner}`;
  };
  return refusalOf(error, { command, argument, options: [...options.own, ...options.common], belongs });
}

/** The exit code of a program that SIGPIPE ends, because the reader of its output has ended. */
const SIGPIPE = 128 + 13;

function onLostOutput({ code }: NodeJS.ErrnoException): never {
  if (code === 'EPIPE') process.exit(SIGPIPE);
  complain(`The output cannot be written (${code}).`);
  process.exit(3);
}

if (import.meta.main) {
  process.stdout.on('error', onLostOutput);
  process.exitCode = await main(process.argv.slice(2));
}

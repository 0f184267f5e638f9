/** What a row of the table of commands is made of, and what its function gets and gives. */
import {
  buildCommand,
  type BaseArgs,
  type BaseFlags,
  type Command,
  type CommandContext,
  type FlagParametersForType,
  type TypedCommandParameters,
} from '@stricli/core';
import type { Answer, Common, Here } from './here.ts';
import type { ExitCode } from './refusal.ts';

export interface Context extends CommandContext {
  process: CommandContext['process'] & { exitCode?: ExitCode };
  here(common: Common): Here;
  show(answer: Answer, common: Common): void;
}

/** In place of a command: what can stand in place of the last of the words that follow, a line each. */
export const PROPOSE = '--propose';
/** Among these lines: the names of files, which the shell knows best. */
export const FILES = ':files';
/** As the table says the same of an argument: behind whatever was typed. */
export const FILE = '\0';

type Run<Options, Args extends BaseArgs> = (here: Here, options: Options, ...args: Args) => Promise<Answer>;

/** So that an interface can say what a function takes. */
type Named<Options> = Readonly<Partial<Record<keyof Options, unknown>>>;

export interface Row<Options extends Named<Options>, Args extends BaseArgs> {
  /** One sentence. */
  brief: string;
  /** More sentences, where one is not enough. */
  about?: string;
  /** As they are typed after `npx sealpost`. Each stands in the README, and a test runs it. */
  examples: string[];
  /** Nothing is for a program: the command has no `--json`. */
  isForPeople?: true;
  /** The file of the function is loaded when the command is run. */
  load: () => Promise<Run<Options, Args>>;
  /** The options and the argument, checked against the types of the function. */
  parameters: NoInfer<TypedCommandParameters<Options, Args, Context>>;
}

/** A row as the rest of the command line reads it. */
export interface Entry extends Pick<Row<object, []>, 'brief' | 'about' | 'examples'> {
  command: Command<Context>;
  /** The placeholder of its argument. */
  argument: string | undefined;
  /** Its own options and those of every command, each with its dashes. */
  options: { own: string[]; common: string[] };
}

const placeholder = 'NAME';
/** With a value that is passed on as it is typed. */
const name = { kind: 'parsed', parse: String, placeholder } as const;

/** As options are typed. */
export const dashed = (options: object) => Object.keys(options).map(name => `--${name}`);

export const common: FlagParametersForType<Common, Context> = {
  json: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print the answer as JSON, errors included.' },
  quiet: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print results and errors only.' },
  stack: { ...name, default: 'sealpost', brief: 'Another stack.' },
  region: { ...name, optional: true, brief: 'The AWS region, before AWS_REGION and the profile.' },
  profile: { ...name, optional: true, brief: 'The AWS profile, before AWS_PROFILE and access keys.' },
};

/** The parser looks a word up as it was typed: "constructor" is no command, and "--constructor" no option. */
export function withoutPrototype<T extends object>(of: T): T {
  return Object.assign(Object.create(null), of);
}

export function row<const Options extends Named<Options>, const Args extends BaseArgs>(
  given: Row<Options, Args>,
): Entry {
  const { brief, about, examples, isForPeople = false, load } = given;
  const { json, ...forAll } = common;
  const flagsOfAll = isForPeople ? forAll : { json, ...forAll };
  // Its types were checked against the function's; from here on they say no more than that there are some.
  const { flags = {}, positional } = given.parameters as unknown as TypedCommandParameters<
    BaseFlags,
    [string?],
    Context
  >;
  const own = { flags, ...(positional && { positional }) };

  async function run(this: Context, options: Common & Options, ...args: Args): Promise<void> {
    const work = await load();
    const answer = await work(this.here(options), options, ...args);
    this.show(answer, options);
    this.process.exitCode = answer.isWell ? 0 : 1;
  }
  const build = (parameters: object, docs: { brief: string; fullDescription?: string; customUsage?: string[] }) =>
    buildCommand({ loader: async () => run as never, parameters, docs }) as unknown as Command<Context>;

  const { formatUsageLine } = build(own, { brief });
  const whole = { ...own, flags: withoutPrototype({ ...flags, ...flagsOfAll }) };
  const shown = examples.map(example => `  npx sealpost ${example}`).join('\n');
  const fullDescription = `${[brief, ...(about === undefined ? [] : [about])].join('\n')}\n\nExamples\n${shown}`;
  const parameter = positional?.kind === 'tuple' ? positional.parameters[0] : undefined;
  return {
    ...{ brief, examples, ...(about !== undefined && { about }) },
    argument: parameter?.placeholder,
    options: { own: dashed(flags), common: dashed(flagsOfAll) },
    command: {
      ...build(whole, { brief }),
      // The usage names what is the command's own; the options of every command are listed below it.
      formatUsageLine,
      formatHelp: args => {
        const usage = formatUsageLine({ ...args, prefix: [] }).trim();
        return build(whole, { brief, fullDescription, customUsage: [usage] }).formatHelp(args);
      },
    },
  };
}

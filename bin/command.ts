/** The rows of the table of commands, and what the parser makes of each row. */
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

/**
 * `--propose WORD …` in place of a command prints a line for each word that the last word may
 * become. The scripts of `sealpost completion` call it.
 */
export const PROPOSE = '--propose';
/** A line of `--propose`: the shell adds the names of files. */
export const FILES = ':files';
/** Marks a proposal of the table as the name of a file. It follows whatever was typed. */
export const FILE = '\0';

type Run<Options, Args extends BaseArgs> = (here: Here, options: Options, ...args: Args) => Promise<Answer>;

/** Holds for interfaces, too, which have no index signature. */
type Named<Options> = Readonly<Partial<Record<keyof Options, unknown>>>;

export interface Row<Options extends Named<Options>, Args extends BaseArgs> {
  /** One sentence. */
  brief: string;
  /** More sentences, a line each. */
  about?: string;
  /** What is typed after `sealpost`. The README shows each example, and a test runs it. */
  examples: string[];
  /** The command has no `--json`. */
  isForPeople?: true;
  /** Loads the function's file when the command is run. */
  load: () => Promise<Run<Options, Args>>;
  /** The options and the argument. The types of the function check them. */
  parameters: NoInfer<TypedCommandParameters<Options, Args, Context>>;
}

/** What the help, the refusals and the README's list read of a row. */
export interface Entry extends Pick<Row<object, []>, 'brief' | 'about' | 'examples'> {
  command: Command<Context>;
  /** The placeholder of its argument. */
  argument: string | undefined;
  /** With dashes: the command's own options, and those of every command that it takes. */
  options: { own: string[]; common: string[] };
}

/** Of a terminal of 100, less the indent of a list and the name of the program. */
const MOST_COLUMNS = 78;
const placeholder = 'NAME';
/** An option with a value that is not checked. */
const name = { kind: 'parsed', parse: String, placeholder } as const;

/** The names of options, with dashes. */
export const dashed = (options: object) => Object.keys(options).map(name => `--${name}`);

export const common: FlagParametersForType<Common, Context> = {
  json: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print the answer as JSON, errors included.' },
  quiet: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print results and errors only.' },
  stack: { ...name, default: 'sealpost', brief: 'Another stack.' },
  region: { ...name, optional: true, brief: 'The AWS region, before AWS_REGION and the profile.' },
  profile: { ...name, optional: true, brief: 'The AWS profile, before AWS_PROFILE and access keys.' },
};

/** The parser looks words up in objects: without this, `constructor` would be a command. */
export function withoutPrototype<T extends object>(of: T): T {
  return Object.assign(Object.create(null), of);
}

export function row<const Options extends Named<Options>, const Args extends BaseArgs>(
  given: Row<Options, Args>,
): Entry {
  const { brief, about, examples, isForPeople = false, load } = given;
  const { json, ...forAll } = common;
  const flagsOfAll = isForPeople ? forAll : { json, ...forAll };
  // The types of this row were checked by the parameter `given`; below, any row will do.
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

  const { formatUsageLine: wholeUsageLine } = build(own, { brief });
  /** Where its options do not fit into a line of the list of commands, its own help has them. */
  const formatUsageLine: typeof wholeUsageLine = args => {
    const line = wholeUsageLine(args);
    return line.length > MOST_COLUMNS ? line.replace(/( \[--[^\]]*\])+/, ' [OPTIONS]') : line;
  };
  const whole = { ...own, flags: withoutPrototype({ ...flags, ...flagsOfAll }) };
  const shown = examples.map(example => `  sealpost ${example}`).join('\n');
  const fullDescription = `${[brief, ...(about === undefined ? [] : [about])].join('\n')}\n\nExamples\n${shown}`;
  const parameter = positional?.kind === 'tuple' ? positional.parameters[0] : undefined;
  return {
    ...{ brief, examples, ...(about !== undefined && { about }) },
    argument: parameter?.placeholder,
    options: { own: dashed(flags), common: dashed(flagsOfAll) },
    command: {
      ...build(whole, { brief }),
      // The usage names the command's own options only. The list of options below it has them all.
      formatUsageLine,
      formatHelp: args => {
        const usage = formatUsageLine({ ...args, prefix: [] }).trim();
        return build(whole, { brief, fullDescription, customUsage: [usage] }).formatHelp(args);
      },
    },
  };
}

/** Why a command line is refused, for a person and, with `--json`, for a program. */
import {
  AliasNotFoundError,
  ArgumentParseError,
  EnumValidationError,
  FlagNotFoundError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from '@stricli/core';

/** 0 all is well; 1 something is not well; 2 mistyped; 3 the answer could not be looked up. */
export type ExitCode = 0 | 1 | 2 | 3;

interface Reason {
  /** For programs: stays the same when the message changes. */
  name: string;
  /** What is wrong with which argument. */
  message: string;
  /** What to do. */
  remedy?: string;
  exitCode: Exclude<ExitCode, 0>;
}

export class Refusal extends Error {
  override readonly name: string;
  readonly remedy?: string;
  readonly exitCode: Exclude<ExitCode, 0>;

  constructor({ name, message, remedy, exitCode }: Reason) {
    super(message);
    this.name = name;
    this.exitCode = exitCode;
    if (remedy !== undefined) this.remedy = remedy;
  }
}

/** @returns a refusal with exit code 2 */
export function mistyped(reason: Omit<Reason, 'exitCode'>): Refusal {
  return new Refusal({ ...reason, exitCode: 2 });
}

/** What the parser finds wrong by itself. */
type Mistake = 'UnknownOption' | 'TooManyArguments' | 'MissingArgument' | 'MissingValue' | 'InvalidValue';

/** What the table says about the command that was typed. */
export interface Typed {
  command: string;
  /** The placeholder of its argument. */
  argument: string | undefined;
  /** Each with its dashes. */
  options: string[];
  /** "--server and --all belong to renew", if another command has the option. */
  belongs: (option: string) => string | undefined;
}

/** @returns undefined for an error that the parser did not find */
export function refusalOf(error: unknown, { command, argument, options, belongs }: Typed): Refusal | undefined {
  const help = `See sealpost help ${command}.`;
  const takes = argument === undefined ? `nothing but ${listed(options, 'and')}` : `one ${argument.toLowerCase()}`;
  const refuse = (name: Mistake, message: string, remedy = help) => mistyped({ name, message, remedy });

  if (error instanceof FlagNotFoundError) {
    const option = `--${error.input}`;
    const elsewhere = belongs(option);
    const why = elsewhere ?? (argument === undefined ? `${command} takes ${takes}` : undefined);
    const meant = elsewhere === undefined ? error.corrections.map(correction => `--${correction}`) : [];
    return refuse(
      'UnknownOption',
      `${command} has no option ${option}${why === undefined ? '' : `: ${why}`}.`,
      meant.length > 0 ? `Did you mean ${listed(meant, 'or')}? ${help}` : help,
    );
  }
  if (error instanceof AliasNotFoundError) return refuse('UnknownOption', `${command} has no option -${error.input}.`);
  if (error instanceof UnexpectedPositionalError)
    return refuse('TooManyArguments', `${command} takes ${takes}: ${quoted(error.input)} is one argument too many.`);
  if (error instanceof UnsatisfiedPositionalError)
    return refuse('MissingArgument', `${command} needs a ${error.placeholder.toLowerCase()}.`);
  if (error instanceof UnsatisfiedFlagError)
    return refuse('MissingValue', `--${error.externalFlagName} needs a value.`);
  if (error instanceof EnumValidationError) {
    const known = `Give ${listed(error.values, 'or')}.`;
    return refuse('InvalidValue', `--${error.externalFlagName} has no value ${quoted(error.input)}.`, known);
  }
  // Only a flag without a value comes here: the core checks the values of options and arguments.
  if (error instanceof ArgumentParseError)
    return refuse('InvalidValue', `--${error.externalFlagNameOrPlaceholder} takes no value.`);
  return undefined;
}

/** `a, b or c` */
export function listed(words: readonly string[], joint: 'and' | 'or'): string {
  return [words.slice(0, -1).join(', '), words.at(-1)].filter(part => part !== '').join(` ${joint} `);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

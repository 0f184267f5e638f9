/** The words of a command line, in the order that the parser wants. */
import { commands } from './commands.ts';

/** Each option of any command, with dashes, and whether a value follows. A name has one meaning. */
const takesValue = new Map(
  Object.values(commands)
    .flatMap(({ command }) => Object.entries(command.parameters.flags ?? {}))
    .map(([name, { kind }]) => [`--${name}`, kind !== 'boolean']),
);

/** An option with its value, or another word. */
interface Group {
  option?: string;
  words: string[];
}

function groupsOf(args: string[]): Group[] {
  const end = args.indexOf('--');
  const optionAt = (at: number) => {
    const option = args[at]?.split('=')[0];
    return option !== undefined && takesValue.has(option) && (end < 0 || at < end) ? option : undefined;
  };
  const groups: Group[] = [];
  for (let at = 0; at < args.length; at += groups.at(-1)!.words.length) {
    const option = optionAt(at);
    const isValueNext = option === args[at] && takesValue.get(option!) === true && optionAt(at + 1) === undefined;
    groups.push({ ...(option !== undefined && { option }), words: args.slice(at, at + (isValueNext ? 2 : 1)) });
  }
  return groups;
}

/**
 * The parser wants the command first, and each option once. An option may be typed before the
 * command, for example in an alias of the shell. If an option is typed twice, the last one counts.
 */
export function split(args: string[]): { before: string[]; command: string | undefined; after: string[] } {
  const groups = groupsOf(args).filter(
    ({ option }, i, all) => option === undefined || all.findLastIndex(other => other.option === option) === i,
  );
  const at = groups.findIndex(({ option }) => option === undefined);
  const words = (some: Group[]) => some.flatMap(group => group.words);
  if (at < 0) return { before: words(groups), command: undefined, after: [] };
  return {
    before: words(groups.slice(0, at)),
    command: groups[at]!.words[0]!,
    after: words(groups.slice(at + 1)),
  };
}

/** @returns true if `--json` is typed, as an option and not as an argument after `--` */
export function isForProgram(args: string[]): boolean {
  return groupsOf(args).some(({ option }) => option === '--json');
}

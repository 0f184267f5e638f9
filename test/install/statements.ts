/**
 * Where a shell script can be killed between two statements, as tree-sitter's grammar of bash reads
 * it.
 */
import { grammarOf, type Node } from '../house/grammar.ts';

const rootOf = await grammarOf('bash');

export interface Place {
  /** Where a statement begins in the script's text. */
  index: number;
  /** `finish, before "phase switch"`. */
  where: string;
  /** The statement is in a branch or a loop, so it may not be reached. */
  isNested: boolean;
}

const BLOCKS = ['compound_statement', 'elif_clause', 'else_clause', 'do_group'];
/** The indentation of a function's own statements. */
const INDENTED = 2;
const COMPOUND = ['if_statement', 'while_statement', 'for_statement'];

/**
 * @returns a place before each statement of these functions
 * @throws Error for a function that the script does not have, or that does not fit the grammar
 */
export function placesIn(text: string, names: string[]): Place[] {
  const root = rootOf(text);
  return names.flatMap(name => {
    const found = root
      .descendantsOfType('function_definition')
      .find(one => one?.childForFieldName('name')?.text === name);
    if (!found || found.hasError) throw new Error(`the grammar does not find the function ${name}, or not all of it`);
    return inside(found.childForFieldName('body')!).map(({ startIndex, startPosition, text }) => ({
      index: startIndex,
      where: `${name}, before "${text.split('\n')[0]!.slice(0, 50)}"`,
      isNested: startPosition.column > INDENTED,
    }));
  });
}

/**
 * Statements of a block, and of what is in it. The grammar takes the words of some branches for
 * commands.
 */
function inside(block: Node): Node[] {
  const conditions = block.childrenForFieldName('condition').map(node => node?.id);
  return block.namedChildren.flatMap(node => {
    if (!node || node.type === 'comment' || ['then', 'fi'].includes(node.text) || conditions.includes(node.id))
      return [];
    const isBlock = BLOCKS.includes(node.type);
    const isLoop = ['while_statement', 'for_statement'].includes(block.type);
    return [...(isBlock || isLoop ? [] : [node]), ...(isBlock || COMPOUND.includes(node.type) ? inside(node) : [])];
  });
}

/** Where a shell script could be killed between two statements, as bash's grammar reads it (tree-sitter). */
import { grammarOf, type Node } from './grammar.ts';

const rootOf = await grammarOf('bash');

export interface Place {
  /** Of the script's text, where a statement begins. */
  index: number;
  /** `finish, before "phase switch"`. */
  where: string;
  /** In a branch or a loop: it may not be come by. */
  isNested: boolean;
}

const BLOCKS = ['compound_statement', 'elif_clause', 'else_clause', 'do_group'];
/** A function's own statements. */
const INDENTED = 2;
const COMPOUND = ['if_statement', 'while_statement', 'for_statement'];

/** Before each statement of these functions. @throws Error for one that the script does not have, or whose text the grammar cannot read */
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

/** Statements of a block, and of what is in it. The grammar takes the words of some branches for commands. */
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

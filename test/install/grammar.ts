/** Grammars of tree-sitter: how a text is read that is not run here, or that is to be cut between two statements. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Language, Parser, type Node } from '@vscode/tree-sitter-wasm';

export type { Node };

const wasm = dirname(createRequire(import.meta.url).resolve('@vscode/tree-sitter-wasm'));
await Parser.init();

/** @returns what reads a text of that language, to its root */
export async function grammarOf(language: 'bash' | 'powershell'): Promise<(text: string) => Node> {
  const parser = new Parser();
  parser.setLanguage(await Language.load(join(wasm, `tree-sitter-${language}.wasm`)));
  return text => parser.parse(text)!.rootNode;
}

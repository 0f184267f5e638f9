/**
 * Grammars of tree-sitter, for texts that are read and not run here: shell, PowerShell, and the
 * project's own TypeScript.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Language, Parser, type Node } from '@vscode/tree-sitter-wasm';

export type { Node };

const wasm = dirname(createRequire(import.meta.url).resolve('@vscode/tree-sitter-wasm'));
await Parser.init();

/** @returns a function from a text of the language to the root of its syntax tree */
export async function grammarOf(language: 'bash' | 'powershell' | 'typescript'): Promise<(text: string) => Node> {
  const parser = new Parser();
  parser.setLanguage(await Language.load(join(wasm, `tree-sitter-${language}.wasm`)));
  return text => parser.parse(text)!.rootNode;
}

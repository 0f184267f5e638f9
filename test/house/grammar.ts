/**
 * Grammars of tree-sitter, for texts that are read and not run here: shell, PowerShell, and the
 * project's own TypeScript.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as treeSitter from '@vscode/tree-sitter-wasm';
import type { Node } from '@vscode/tree-sitter-wasm';

export type { Node };

const require = createRequire(import.meta.url);
// Node finds no names in this CommonJS module, so it is required.
const { Language, Parser } = require('@vscode/tree-sitter-wasm') as typeof treeSitter;
const wasm = dirname(require.resolve('@vscode/tree-sitter-wasm'));
await Parser.init();

type Grammar = 'bash' | 'php' | 'powershell' | 'python' | 'typescript';

/** @returns a function from a text of the language to the root of its syntax tree */
export async function grammarOf(language: Grammar): Promise<(text: string) => Node> {
  const parser = new Parser();
  parser.setLanguage(await Language.load(join(wasm, `tree-sitter-${language}.wasm`)));
  return text => parser.parse(text)!.rootNode;
}

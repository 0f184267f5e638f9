/**
 * PowerShell as tree-sitter's grammar reads it. No PowerShell runs here, so its text is checked
 * closely.
 */
import { grammarOf, type Node } from '../house/grammar.ts';

export type { Node };

export interface Script {
  text: string;
  root: Node;
  /** Every node below the root, in the order of the text. */
  nodes: Node[];
}

const rootOf = await grammarOf('powershell');

export function parse(text: string): Script {
  const root = rootOf(text);
  return { text, root, nodes: below(root) };
}

export function below(node: Node): Node[] {
  return node.children.flatMap(child => (child ? [child, ...below(child)] : []));
}

/** @returns where the text does not fit the grammar, as `line:column text` */
export function faults({ root, nodes }: Script): string[] {
  return [root, ...nodes]
    .filter(node => node.isError || node.isMissing)
    .map(({ startPosition: at, text }) => `${at.row + 1}:${at.column + 1} ${text.slice(0, 60)}`);
}

/** @returns the nearest node of that type around this node */
export function around(node: Node, type: string): Node | undefined {
  for (let at = node.parent; at; at = at.parent) if (at.type === type) return at;
  return undefined;
}

/** What is called, with the text of each argument; a parameter's name (`-Name`) is one of them. */
export function commands({ nodes }: Script): { name: string; given: Node[]; node: Node }[] {
  return nodes
    .filter(node => node.type === 'command')
    .flatMap(node => {
      const name = node.children.find(child => child?.type === 'command_name');
      const elements = node.children.find(child => child?.type === 'command_elements');
      const given = (elements?.children ?? []).filter(
        child => child && child.type !== 'command_argument_sep',
      ) as Node[];
      return name ? [{ name: name.text, given, node }] : [];
    });
}

/** The functions that the script has, with the names of their parameters. */
export function functions({ nodes }: Script): { name: string; parameters: string[]; node: Node }[] {
  return nodes
    .filter(node => node.type === 'function_statement')
    .map(node => {
      const declared = node.children.find(child => child?.type === 'function_parameter_declaration');
      const list = declared ? below(declared).filter(({ type }) => type === 'script_parameter') : [];
      const parameters = list.map(one => one.children.find(child => child?.type === 'variable')!.text.slice(1));
      return { name: node.children.find(child => child?.type === 'function_name')!.text, parameters, node };
    });
}

/** Variables that get a value: assigned, counted through, or a parameter. `$script:x` is `x`. */
export function assigned({ nodes }: Script): { name: string; node: Node }[] {
  return nodes.filter(isAssigned).map(node => ({ name: plain(node.text), node }));
}

function isAssigned(node: Node): boolean {
  if (node.type !== 'variable') return false;
  if (node.parent?.type === 'script_parameter' || node.parent?.type === 'foreach_statement') return true;
  const left = around(node, 'left_assignment_expression');
  // `$a.b = 1` and `$a[0] = 1` give $a no value.
  return left !== undefined && !around(node, 'member_access') && !around(node, 'element_access');
}

export function variables({ nodes }: Script): { name: string; node: Node }[] {
  return nodes.filter(({ type }) => type === 'variable').map(node => ({ name: plain(node.text), node }));
}

function plain(text: string): string {
  return text.replace(/^\$\{?(?:script:)?|\}$/g, '').toLowerCase();
}

/** Given a value by PowerShell itself. */
const AUTOMATIC = ['_', 'null', 'true', 'false', 'matches', 'psversiontable', 'lastexitcode', 'pwd'];
/** Most of these cannot be assigned; an assignment to the others is lost. */
const RESERVED = [
  ...AUTOMATIC,
  'args',
  'error',
  'home',
  'host',
  'input',
  'pid',
  'profile',
  'this',
  'foreach',
  'switch',
];

const at = (node: Node) => `${node.startPosition.row + 1}: ${node.text}`;

/** Calls of what is neither a function of the script nor one of `cmdlets`. */
export function unknownCalls(script: Script, cmdlets: string[]): string[] {
  const known = [...cmdlets, ...functions(script).map(({ name }) => name)].map(name => name.toLowerCase());
  return commands(script)
    .filter(({ name }) => !/^["$]/.test(name) && !known.includes(name.toLowerCase()))
    .map(({ node }) => at(node));
}

/** Calls of a function of the script that give it more or less than it has parameters. */
export function wrongCounts(script: Script): string[] {
  const own = functions(script);
  return commands(script).flatMap(({ name, given, node }) => {
    const called = own.find(one => one.name === name);
    return called && given.length !== called.parameters.length ? [at(node)] : [];
  });
}

/**
 * Variables that are read, and that neither their function nor the script sets. PowerShell also
 * looks in the caller's variables; the installer must not depend on that.
 */
export function unset(script: Script): string[] {
  const given = assigned(script).map(({ name, node }) => ({ name, inside: around(node, 'function_statement')?.id }));
  return variables(script)
    .filter(({ name, node }) => {
      if (AUTOMATIC.includes(name) || name.startsWith('env:') || name.endsWith('preference')) return false;
      const inside = around(node, 'function_statement')?.id;
      return !given.some(one => one.name === name && (one.inside === inside || one.inside === undefined));
    })
    .map(({ node }) => at(node));
}

/** Names of PowerShell's own that are given a value. */
export function takenNames(script: Script): string[] {
  return assigned(script)
    .filter(({ name }) => RESERVED.includes(name) && name !== 'null')
    .map(({ node }) => at(node));
}

/**
 * Where one of `secrets` gets into a text, a message, or a command that is not one of `harmless`.
 */
export function leaks(script: Script, secrets: string[], harmless: string[]): string[] {
  return variables(script)
    .filter(({ name, node }) => {
      if (!secrets.includes(name)) return false;
      if (around(node, 'expandable_string_literal')) return true;
      if (around(node, 'flow_control_statement')?.text.startsWith('throw')) return true;
      const command = around(node, 'command');
      const called = command?.children.find(child => child?.type === 'command_name')?.text;
      return called !== undefined && !harmless.includes(called);
    })
    .map(({ node }) => at(around(node, 'pipeline') ?? node));
}

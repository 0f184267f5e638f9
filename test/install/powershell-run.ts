/**
 * Runs the part of PowerShell that the reader of deliveries is written in, from its syntax tree. No
 * PowerShell runs here. A construct that is not known ends the run with its name.
 */
import { below, parse, type Node } from './powershell.ts';

type Value = unknown;
type Scope = Map<string, Value>;
/** A .NET exception, or what `throw` throws. */
export class Raised extends Error {}
class Return {
  value: Value;
  constructor(value: Value) {
    this.value = value;
  }
}
class Continue {}
class ArrayList {
  items: Value[] = [];
}
class StringBuilder {
  text = '';
}

/** What a command of the script, or of this test, is given. */
export type Command = (...given: Value[]) => Value;

/**
 * @param text functions and the assignments before them
 * @param own commands in the place of functions that are not in the text
 * @returns the script's functions
 */
export function load(text: string, own: Record<string, Command>): (name: string, ...given: Value[]) => Value {
  const { root, nodes } = parse(text);
  const script: Scope = new Map<string, Value>([
    ['null', null],
    ['true', true],
    ['false', false],
  ]);
  const functions = new Map(
    nodes
      .filter(node => node.type === 'function_statement')
      .map(node => [child(node, 'function_name').text.toLowerCase(), node]),
  );
  for (const node of root.children.flatMap(one => (one?.type === 'statement_list' ? one.children : [one])))
    if (
      node &&
      below(node)
        .concat(node)
        .some(one => one.type === 'assignment_expression') &&
      !below(node).some(one => one.type === 'function_statement') &&
      node.type !== 'function_statement'
    )
      run(node, script);
  return call;

  function call(name: string, ...given: Value[]): Value {
    const command = own[name];
    if (command) return command(...given);
    const node = functions.get(name.toLowerCase());
    if (!node) throw new Error(`no function ${name}`);
    const scope: Scope = new Map();
    const parameters = below(child(node, 'function_parameter_declaration')).filter(
      one => one.type === 'script_parameter',
    );
    parameters.forEach((one, n) => {
      const variable = one.children.find(each => each?.type === 'variable')!;
      const type = below(one).find(each => each.type === 'type_literal')?.text;
      scope.set(variable.text.slice(1).toLowerCase(), type ? cast(type, given[n]) : given[n]);
    });
    try {
      return last(statements(child(node, 'script_block'), scope));
    } catch (thrown) {
      if (thrown instanceof Return) return thrown.value;
      throw thrown;
    }
  }

  /** Runs what is in a block. @returns what its statements write */
  function statements(node: Node, scope: Scope): Value[] {
    return kids(node).flatMap(one => {
      if (/^(script_block_body|statement_list|statement_block|script_block|named_block_list)$/.test(one.type))
        return statements(one, scope);
      const written = run(one, scope);
      return written === undefined ? [] : [written];
    });
  }

  function run(node: Node, scope: Scope): Value {
    const whole = node.children.filter(Boolean) as Node[];
    const isHolder =
      whole.length === 1 &&
      !/^(command|flow_control_statement|variable|script_block|expandable_string_literal|parenthesized_expression)$/.test(
        node.type,
      );
    if (isHolder && whole[0]!.isNamed) return run(whole[0]!, scope);
    const all = kids(node);
    const [first, second] = all as [Node, Node];
    switch (node.type) {
      case 'comment':
      case 'empty_statement':
        return undefined;
      case 'assignment_expression': {
        const target = all.find(one => one.type !== 'assignement_operator' && one.text !== '=')!;
        assign(unwrapped(target), run(all.at(-1)!, scope), scope);
        return undefined;
      }
      case 'if_statement':
        return branch(node, scope);
      case 'while_statement':
        while (isTrue(run(first, scope))) loop(second, scope);
        return undefined;
      case 'for_statement': {
        const [start, condition, step] = all.filter(one => one.type !== 'statement_block') as [Node, Node, Node];
        for (run(start, scope); isTrue(run(condition, scope)); run(step, scope)) loop(all.at(-1)!, scope);
        return undefined;
      }
      case 'switch_statement':
        return choose(node, scope);
      case 'flow_control_statement':
        if (/^return/.test(node.text)) throw new Return(first ? run(all.at(-1)!, scope) : undefined);
        if (/^continue/.test(node.text)) throw new Continue();
        throw new Error(`not known: ${node.text}`);
      case 'pipeline':
      case 'pipeline_chain':
        return pipeline(all, scope);
      case 'command':
        return command(node, [], scope);
      case 'sub_expression':
        return last(statements(node, scope));
      case 'array_expression': {
        const found = all.length === 0 ? undefined : run(all.at(-1)!, scope);
        return found === undefined ? [] : list(found);
      }
      case 'array_literal_expression':
        return all.map(one => run(one, scope));
      case 'hash_literal_expression':
        return new Map(
          below(node)
            .filter(one => one.type === 'hash_entry' && nearest(one) === node.id)
            .map(entry => [kids(entry)[0]!.text.toLowerCase(), run(kids(entry).at(-1)!, scope)]),
        );
      case 'cast_expression':
        return cast(first.text, run(second, scope));
      case 'post_increment_expression':
        assign(unwrapped(first), (run(first, scope) as number) + 1, scope);
        return undefined;
      case 'expression_with_unary_operator':
        if (/^-not/.test(node.text)) return !isTrue(run(all.at(-1)!, scope));
        if (/^-\d/.test(node.text)) return -(run(all.at(-1)!, scope) as number);
        throw new Error(`not known: ${node.text}`);
      case 'logical_expression':
        return binary(node, (left, operator, right) =>
          operator === '-and'
            ? isTrue(run(left, scope)) && isTrue(run(right, scope))
            : isTrue(run(left, scope)) || isTrue(run(right, scope)),
        );
      case 'comparison_expression':
        return binary(node, (left, operator, right) => compare(operator, run(left, scope), run(right, scope)));
      case 'additive_expression':
        return binary(node, (left, _, right) => add(run(left, scope), run(right, scope)));
      case 'member_access':
        return member(run(first, scope), second.text.toLowerCase());
      case 'element_access':
        return element(run(first, scope), run(second, scope));
      case 'invokation_expression':
        return invoke(node, scope);
      case 'variable':
        return read(node.text, scope);
      case 'decimal_integer_literal':
        return Number(node.text);
      case 'verbatim_string_characters':
        return node.text.slice(1, -1).replaceAll("''", "'");
      case 'expandable_string_literal':
        return expand(node, scope);
      case 'parenthesized_expression':
      case 'while_condition':
      case 'switch_condition':
        return run(all.at(-1)!, scope);
      default:
        if (all.length === 1) return run(first, scope);
        if (node.text === '$_') return read('$_', scope);
        if (node.text === 'continue') throw new Continue();
        throw new Error(`not known: ${node.type} ${node.text.slice(0, 80)} ${all.map(one => one.type).join()}`);
    }
  }

  /** Runs the first block whose condition is true. */
  function branch(node: Node, scope: Scope): Value {
    const clauses = kids(node).flatMap(one => (one.type === 'elseif_clauses' ? kids(one) : [one]));
    const [condition, block] = clauses as [Node, Node];
    if (isTrue(run(condition, scope))) return last(statements(block, scope));
    for (const one of clauses.slice(2)) {
      const [test, body] = kids(one) as [Node, Node | undefined];
      if (body === undefined) return last(statements(test, scope));
      if (isTrue(run(test, scope))) return last(statements(body, scope));
    }
    return undefined;
  }

  function loop(block: Node, scope: Scope): void {
    try {
      statements(block, scope);
    } catch (thrown) {
      if (!(thrown instanceof Continue)) throw thrown;
    }
  }

  function choose(node: Node, scope: Scope): Value {
    const wanted = run(
      below(node).find(one => one.type === 'switch_condition')!,
      scope,
    );
    const clauses = below(node).filter(one => one.type === 'switch_clause');
    const conditionOf = (one: Node) => child(one, 'switch_clause_condition').text;
    const isDefault = (one: Node) => conditionOf(one) === 'default';
    const found = clauses.filter(one => !isDefault(one) && conditionOf(one).slice(1, -1) === wanted);
    const chosen = found.length > 0 ? found : clauses.filter(isDefault);
    return last(chosen.flatMap(one => statements(child(one, 'statement_block'), scope)));
  }

  function pipeline(all: Node[], scope: Scope): Value {
    const [first, ...rest] = all.filter(one => one.text !== '|');
    let given = run(first!, scope);
    for (const one of rest) {
      // The grammar has a node of its own for this one.
      const each = one.children.find(inner => inner?.type === 'foreach_command');
      const block = each && unwrapped(kids(each).at(-1)!);
      given = block
        ? list(given).flatMap(item => statements(block, new Map([...scope, ['_', item]])))
        : command(one, list(given), scope);
    }
    return given;
  }

  function command(node: Node, input: Value[], scope: Scope): Value {
    const name = child(node, 'command_name').text;
    const elements = node.children.find(one => one?.type === 'command_elements');
    const given = (elements?.children ?? []).filter(
      one => one && one.type !== 'command_argument_sep' && one.text.trim() !== '',
    ) as Node[];
    const block = (given.at(-1) && unwrapped(given.at(-1)!)) as Node;
    const each = (item: Value) => statements(block, new Map([...scope, ['_', item]]));
    switch (name) {
      case 'Where-Object':
        return input.filter(item => isTrue(last(each(item))));
      case 'Select-Object':
        if (given[0]!.text !== '-Skip') throw new Error(`not known: ${node.text}`);
        return input.slice(run(given[1]!, scope) as number);
      case 'New-Object':
        if (/ArrayList/.test(node.text)) return new ArrayList();
        if (/StringBuilder/.test(node.text)) return new StringBuilder();
        throw new Error(`not known: ${node.text}`);
      default:
        return call(name, ...given.map(one => (one.type === 'generic_token' ? one.text : run(one, scope))));
    }
  }

  function invoke(node: Node, scope: Scope): Value {
    const given = below(child(node, 'argument_list')).length === 0 ? [] : args(child(node, 'argument_list'), scope);
    const [target] = kids(node) as [Node];
    const name = kids(node)
      .filter(one => /^(member_name|simple_name)$/.test(one.type))
      .at(-1)!.text;
    if (/^\[/.test(target.text)) {
      if (target.text === '[Convert]' && name === 'FromBase64String') return base64(String(given[0]));
      if (/File\]$/.test(target.text) && name === 'ReadAllLines') return readAllLines(String(given[0]));
      throw new Error(`not known: ${node.text}`);
    }
    const on = run(target, scope);
    if (on instanceof ArrayList && name === 'Add') return on.items.push(given[0]) - 1;
    if (on instanceof StringBuilder && name === 'Append') return ((on.text += String(given[0])), on);
    if (on instanceof StringBuilder && name === 'ToString') return on.text;
    if (on instanceof Map && name === 'ContainsKey') return on.has(String(given[0]).toLowerCase());
    throw new Error(`not known: ${node.text}`);
  }

  function args(node: Node, scope: Scope): Value[] {
    const inner = kids(node).flatMap(one => (one.type === 'argument_expression_list' ? kids(one) : [one]));
    return inner.map(one => run(one, scope));
  }

  function binary(node: Node, of: (left: Node, operator: string, right: Node) => Value): Value {
    const [left, operator, right] = node.children.filter(one => one && one.text.trim() !== '') as Node[] as [
      Node,
      Node,
      Node,
    ];
    return of(left, operator.text.toLowerCase(), right);
  }

  function read(name: string, scope: Scope): Value {
    const key = name.slice(1).toLowerCase();
    if (scope.has(key)) return scope.get(key);
    if (script.has(key)) return script.get(key);
    throw new Raised(`the variable ${name} has no value`);
  }

  function assign(target: Node, value: Value, scope: Scope): void {
    if (target.type === 'variable')
      return void scope.set(target.text.slice(1).toLowerCase(), value === undefined ? null : value);
    const [on, key] = kids(target) as [Node, Node];
    const object = run(on, scope) as Map<string, Value>;
    object.set(String(target.type === 'member_access' ? key.text : run(key, scope)).toLowerCase(), value);
  }

  function expand(node: Node, scope: Scope): string {
    const inner = node.children.filter(Boolean) as Node[];
    if (inner.length === 0) return node.text.slice(1, -1);
    let [written, at] = ['', node.startIndex + 1];
    for (const one of inner.filter(each => /^(variable|sub_expression)$/.test(each.type))) {
      written +=
        node.text.slice(at - node.startIndex, one.startIndex - node.startIndex) + String(run(one, scope) ?? '');
      at = one.endIndex;
    }
    return written + node.text.slice(at - node.startIndex, -1);
  }

  function compare(operator: string, left: Value, right: Value): Value {
    const matches = (text: Value, pattern: Value) => {
      const found = new RegExp(String(pattern), 's').exec(String(text ?? ''));
      if (found) script.set('matches', new Map([...found].map((group, n) => [String(n), group])));
      return found !== null;
    };
    switch (operator) {
      case '-ceq':
      case '-eq':
        return left === right;
      case '-cne':
      case '-ne':
        return left !== right;
      case '-lt':
        return (left as number) < (right as number);
      case '-gt':
        return (left as number) > (right as number);
      case '-in':
        return list(right).includes(left);
      case '-cmatch':
        return Array.isArray(left) ? left.filter(one => matches(one, right)) : matches(left, right);
      case '-cnotmatch':
        return Array.isArray(left) ? left.filter(one => !matches(one, right)) : !matches(left, right);
      case '-split':
        return String(left).split(new RegExp(String(right)));
      case '-creplace': {
        const [pattern, by] = right as [string, string];
        return String(left ?? '').replace(new RegExp(pattern, 'g'), by);
      }
      default:
        throw new Error(`not known: ${operator}`);
    }
  }
}

const kids = (node: Node) =>
  (node.children.filter(one => one && one.isNamed && one.type !== 'command_argument_sep') as Node[]).filter(
    one => !/^(type_spec_nothing)$/.test(one.type),
  );
const last = (written: Value[]): Value => (written.length > 1 ? written : written[0]);
const list = (value: Value): Value[] =>
  value instanceof ArrayList
    ? value.items
    : Array.isArray(value)
      ? value
      : value === null || value === undefined
        ? []
        : [value];

function child(node: Node, type: string): Node {
  const found = below(node).find(one => one.type === type);
  if (!found) throw new Error(`no ${type} in ${node.type} ${node.text.slice(0, 60)}`);
  return found;
}

function nearest(node: Node): number | undefined {
  let at = node.parent;
  while (at && at.type !== 'hash_literal_expression') at = at.parent;
  return at?.id;
}

/** The node inside of nodes that only hold it. */
function unwrapped(node: Node): Node {
  const all = node.children.filter(Boolean) as Node[];
  return all.length === 1 && node.type !== 'variable' ? unwrapped(all[0]!) : node;
}

function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 1 || (value.length === 1 && isTrue(value[0]));
  return value instanceof Object || Boolean(value);
}

function cast(type: string, value: Value): Value {
  const name = type.slice(1, -1).toLowerCase();
  if (name === 'void') return undefined;
  if (name === 'string') return value === null || value === undefined ? '' : String(value);
  if (name === 'string[]') return list(value).map(String);
  if (name === 'int' || name === 'long') {
    const number = Number(value);
    if (!Number.isInteger(number) || (name === 'int' && number > 2 ** 31 - 1))
      throw new Raised(`${String(value)} is no ${name}`);
    return number;
  }
  if (name === 'pscustomobject') return value;
  throw new Error(`not known: ${type}`);
}

function member(on: Value, name: string): Value {
  if (on === null || on === undefined) throw new Raised(`nothing has no ${name}`);
  if (on instanceof ArrayList && name === 'count') return on.items.length;
  if (name === 'length' || name === 'count') {
    if (Array.isArray(on) || typeof on === 'string') return on.length;
    if (on instanceof Map && !on.has(name)) return on.size;
  }
  if (on instanceof Map && on.has(name)) return on.get(name);
  throw new Raised(`no ${name}`);
}

function element(on: Value, key: Value): Value {
  if (on instanceof Map) return on.get(String(key).toLowerCase()) ?? null;
  if (Array.isArray(on)) return on[key as number] ?? null;
  throw new Raised('no element');
}

function add(left: Value, right: Value): Value {
  if (Array.isArray(left)) return [...left, ...list(right)];
  return typeof left === 'number' ? left + Number(right) : String(left) + String(right);
}

/** @throws Raised as .NET's FormatException */
function base64(text: string): Buffer {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) throw new Raised('no base64');
  return Buffer.from(text, 'base64');
}

/** The text stands in place of a path. */
function readAllLines(text: string): string[] {
  const all = text.split(/\r\n|\r|\n/);
  if (all.at(-1) === '') all.pop();
  return all;
}

import { describe, expect, test } from 'vitest';
import { grammarOf, type Node } from './grammar.ts';
import { files, read } from './sources.ts';

/** Folders, with all that is in them, in which no argument can be taken for its neighbour. */
const held = [
  'aws',
  'bin',
  'core/acm',
  'core/acme',
  'core/audit',
  'core/certificate',
  'core/claim',
  'core/deliver-to-server',
  'core/dns',
  'core/events',
  'core/issuer',
  'core/ports',
  'core/record',
  'core/register-server',
  'core/renewal',
  'core/secure-domain',
  'core/status',
  'core/sweep',
  'core/work',
  'install',
  'lambdas',
  'lib',
  'statemachines',
];

/** Folders, with all that is in them, in which no argument is changed. */
const unchanged = ['bin', 'core', 'aws', 'install', 'lambdas', 'statemachines'];

/** Functions whose neighbouring arguments may be swapped, each with the reason. */
const symmetric: Record<string, string> = {
  'core/claim/published.ts withPublished': 'a union of two lists',
  'core/record/domain.ts sameNames': 'an equality',
  'core/secure-domain/placement.ts isSame': 'an equality',
};

const rootOf = await grammarOf('typescript');
const sources = files.filter(path => path.endsWith('.ts'));

/** A place, the name of the function where one is known, and what is wrong there. */
type Finding = { at: Node; of?: string; what: string };

describe('parameters', () => {
  const found = (folder: string, rule: (root: Node) => Finding[]) => {
    const there = sources.filter(path => path.startsWith(`${folder}/`));
    expect(there).not.toEqual([]);
    return there.flatMap(path =>
      rule(rootOf(read(path)))
        .filter(({ of }) => !Object.hasOwn(symmetric, `${path} ${of}`))
        .map(({ at, what }) => `${path}:${at.startPosition.row + 1} ${what}`),
    );
  };

  test.each(held)('in %s/: no two neighbours of one type, and no bare boolean', folder => {
    expect(found(folder, confusing)).toEqual([]);
  });

  test.each(unchanged)('in %s/: no function changes an argument', folder => {
    expect(found(folder, changing)).toEqual([]);
  });

  test.each(Object.keys(symmetric))('need the exception %s', name => {
    const [path, of] = name.split(' ') as [string, string];
    expect(confusing(rootOf(read(path))).map(finding => finding.of)).toContain(of);
  });
});

describe('the rules on parameters see', () => {
  const confused = (text: string) => confusing(rootOf(text)).map(({ what }) => what);
  const changed = (text: string) => changing(rootOf(text)).map(({ what }) => what);

  test.each([
    'function f(a: string, b: string) {}',
    'const f = (a: string, b?: string) => a;',
    'const f = async (a: string | undefined, b: string) => a;',
    'interface I { f(n: number, a: string, b: string): void }',
    'type F = (a: readonly string[], b: string[]) => void;',
    'class C { constructor(private a: string, b: string) {} }',
    "function f(a: string, b = '') {}",
    'function f(a: string, ...b: string[]) {}',
    'function f({ a }: X, { b }: X) {}',
  ])('neighbours of one type in %s', text => expect(confused(text)).toHaveLength(1));

  test.each([
    'const f = (is: boolean) => is;',
    'function f(a: string, is = false) {}',
    'type F = (is?: boolean) => void;',
  ])('a bare boolean in %s', text => expect(confused(text)).toHaveLength(1));

  test.each([
    'function f(a: string, n: number, b: string) {}',
    "function f(a: string, b: 'x' | 'y') {}",
    'function f(a: { x: string; y: string; is: boolean }) {}',
    'xs.map((a, i) => a);',
  ])('nothing in %s', text => expect(confused(text)).toEqual([]));

  test.each([
    'function f(a: X) { a.b = 1; }',
    'const f = (a: X) => a.b.push(1);',
    'const f = a => a.b++;',
    'function f({ a }: X) { a[0] += 1; }',
    'function f({ a: b }: X) { delete b.c; }',
    'function f(a: X) { Object.assign(a, { b: 1 }); }',
    'function f(a: X) { const { b } = a; return b.sort(); }',
    'function f(as: X[]) { for (const a of as) a.b = 1; }',
    'function f(a: X) { return () => { a.b = 1; }; }',
  ])('a changed argument in %s', text => expect(changed(text)).toHaveLength(1));

  test.each([
    'function f(a: X) { const b = [...a.b]; return b.sort(); }',
    'function f(a: X) { const b: X = { ...a }; b.c = 1; return b; }',
    'function f(a: X) { a = a.b; }',
    'function f(a: X) { return a.b.toSorted(); }',
    'function f(a: X) { { const a = []; a.push(1); } }',
  ])('no changed argument in %s', text => expect(changed(text)).toEqual([]));
});

const nodesOf = (root: Node, ...types: string[]) => root.descendantsOfType(types).filter(node => node !== null);
const childrenOf = (node: Node) => node.namedChildren.filter(child => child !== null);

/** Parameters of functions, arrow functions and methods, of interfaces and of function types. */
function confusing(root: Node): Finding[] {
  return nodesOf(root, 'formal_parameters').flatMap(list => {
    const of = nameOf(list.parent!);
    const parameters = childrenOf(list).map(parameter => ({
      node: parameter,
      name: parameter.childForFieldName('pattern')?.text ?? parameter.text,
      type: typeOf(parameter),
    }));
    return parameters.flatMap(({ node, name, type }, i): Finding[] => {
      const next = parameters[i + 1];
      if (type === 'boolean') return [{ at: node, of, what: `${name}: boolean` }];
      return type !== undefined && type === next?.type
        ? [{ at: node, of, what: `${name}, ${next.name}: ${type}` }]
        : [];
    });
  });
}

/** @returns undefined if the type is inferred: the declaration that has it is seen by itself */
function typeOf(parameter: Node): string | undefined {
  const literals: Record<string, string> = { true: 'boolean', false: 'boolean', number: 'number', string: 'string' };
  const written = parameter.childForFieldName('type')?.text.replace(/^:\s*/, '');
  const type = written ?? literals[parameter.childForFieldName('value')?.type ?? ''];
  const one = type?.replace(/ \| undefined$/, '').replace(/^readonly /, '');
  const isRest = parameter.childForFieldName('pattern')?.type === 'rest_pattern';
  return isRest ? one?.replace(/\[\]$/, '') : one;
}

/** The name of a function, or of what the function is assigned to. */
function nameOf(declaration: Node): string | undefined {
  return (declaration.childForFieldName('name') ?? declaration.parent?.childForFieldName('name'))?.text;
}

/** Methods of arrays, maps and sets that change them. */
const CHANGES = [
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'sort',
  'reverse',
  'fill',
  'set',
  'add',
  'delete',
  'clear',
];

function changing(root: Node): Finding[] {
  const assigned = nodesOf(root, 'assignment_expression', 'augmented_assignment_expression').map(node =>
    node.childForFieldName('left')!,
  );
  const counted = nodesOf(root, 'update_expression').map(node => node.childForFieldName('argument')!);
  const deleted = nodesOf(root, 'unary_expression')
    .filter(node => node.childForFieldName('operator')?.text === 'delete')
    .map(node => node.childForFieldName('argument')!);
  const called = nodesOf(root, 'call_expression').flatMap(node => {
    const method = node.childForFieldName('function')!;
    const first = childrenOf(node.childForFieldName('arguments')!)[0];
    if (method.text === 'Object.assign') return first ? [first] : [];
    const isChange = CHANGES.includes(method.childForFieldName('property')?.text ?? '');
    return isChange ? [method.childForFieldName('object')!] : [];
  });
  const members = [...assigned, ...counted, ...deleted].filter(isMember);
  return [...members, ...called].filter(isOfParameter).map(node => ({ at: node, what: node.text }));
}

const isMember = (node: Node) => node.type === 'member_expression' || node.type === 'subscript_expression';

/** Follows `a.b.c` to `a`, and `a` to a parameter, also over `const a = parameter.b`. */
function isOfParameter(node: Node): boolean {
  const start = startOf(node);
  if (start?.type !== 'identifier') return false;
  const { text: name } = start;
  for (let at = start.parent; at; at = at.parent) {
    const parameters = [at.childForFieldName('parameters'), at.childForFieldName('parameter')];
    if (parameters.some(list => list && binds(list, name))) return true;
    if (at.type === 'for_in_statement' && binds(at.childForFieldName('left')!, name))
      return isOfParameter(at.childForFieldName('right')!);
    for (const declaration of childrenOf(at).filter(child => /^(lexical|variable)_declaration$/.test(child.type)))
      for (const declared of childrenOf(declaration)) {
        const pattern = declared.childForFieldName('name');
        if (!pattern || !binds(pattern, name)) continue;
        const value = declared.childForFieldName('value');
        return value !== null && isOfParameter(value);
      }
  }
  return false;
}

/** @returns undefined if the expression makes a value of its own, such as a call does */
function startOf(node: Node): Node | undefined {
  if (node.type === 'identifier') return node;
  const inner = isMember(node) ? node.childForFieldName('object') : undefined;
  if (inner) return startOf(inner);
  return ['non_null_expression', 'as_expression', 'parenthesized_expression'].includes(node.type)
    ? startOf(childrenOf(node)[0]!)
    : undefined;
}

/** Names that a parameter or a pattern binds. Types and default values bind none. */
function binds(pattern: Node, name: string): boolean {
  if (['identifier', 'shorthand_property_identifier_pattern'].includes(pattern.type)) return pattern.text === name;
  const [type, value] = [pattern.childForFieldName('type'), pattern.childForFieldName('value')];
  const parts = pattern.type === 'pair_pattern' ? [value!] : childrenOf(pattern);
  return parts.some(part => (pattern.type === 'pair_pattern' || !isIn(part, [type, value])) && binds(part, name));
}

const isIn = (node: Node, others: (Node | null)[]) => others.some(other => other?.id === node.id);

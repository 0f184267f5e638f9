/** The intrinsic functions and conditions of a CloudFormation template. All others are refused. */

/** The value of `AWS::NoValue`. A property or list element with this value is left out. */
export const NO_VALUE = Symbol('AWS::NoValue');

export interface Names {
  conditions: Record<string, unknown>;
  /**
   * The value of `Ref` for a pseudo parameter, a parameter or a resource. `at` is the place in the
   * template, for errors.
   */
  ref(name: string, at: string): Promise<unknown>;
  attribute(logicalId: string, name: string, at: string): Promise<unknown>;
}

export interface Intrinsics {
  /**
   * Returns the value with all intrinsics replaced, or `NO_VALUE`.
   * @throws Error with the place of a part that is not understood
   */
  resolve(value: unknown, at: string): Promise<unknown>;
  /** True if a condition holds: `{ Condition: name }`, or a condition function. */
  holds(condition: unknown, at: string): Promise<boolean>;
}

export function intrinsics(names: Names): Intrinsics {
  const functions: Record<string, (argument: unknown, at: string) => Promise<unknown>> = {
    Ref: async (name, at) => names.ref(await text(name, at), at),

    'Fn::GetAtt': async (argument, at) => {
      const [logicalId, ...attribute] = Array.isArray(argument) ? argument : String(argument).split('.');
      return names.attribute(
        logicalId,
        await text(attribute.length === 1 ? attribute[0] : attribute.join('.'), at),
        at,
      );
    },

    'Fn::Join': async (argument, at) => {
      const [delimiter, list] = pair(argument, at);
      const words = [];
      for (const word of await elements(list, at)) words.push(await text(word, at));
      return words.join(await text(delimiter, at));
    },

    'Fn::Split': async (argument, at) => {
      const [delimiter, whole] = pair(argument, at);
      return (await text(whole, at)).split(await text(delimiter, at));
    },

    'Fn::Select': async (argument, at) => {
      const [index, list] = pair(argument, at);
      const position = Number(await text(index, at));
      const all = await elements(list, at);
      if (!(position in all)) throw new Error(`${at}: selects element ${position} of ${all.length}`);
      return all[position];
    },

    'Fn::Sub': async (argument, at) => {
      const [pattern, given] = Array.isArray(argument) ? pair(argument, at) : [argument, {}];
      let result = '';
      for (const part of String(pattern).split(/(\$\{[^}]*\})/)) {
        const name = /^\$\{(.*)\}$/.exec(part)?.[1]?.trim();
        if (name === undefined) result += part;
        else if (name.startsWith('!')) result += `\${${name.slice(1)}}`;
        else if (Object.hasOwn(given as object, name))
          result += await text((given as Record<string, unknown>)[name], at);
        else result += await text(name.includes('.') ? { 'Fn::GetAtt': name } : { Ref: name }, at);
      }
      return result;
    },

    'Fn::If': async (argument, at) => {
      const [condition, yes, no] =
        Array.isArray(argument) && argument.length === 3 ? argument : wrong(at, 'takes three values');
      return resolve((await holds({ Condition: condition }, at)) ? yes : no, at);
    },
  };

  const asked = new Set<string>();

  async function resolve(value: unknown, at: string): Promise<unknown> {
    if (Array.isArray(value)) {
      const list = [];
      for (const [index, element] of value.entries()) list.push(await resolve(element, `${at}[${index}]`));
      return list.filter(element => element !== NO_VALUE);
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const intrinsic = entries.find(([key]) => key === 'Ref' || key.startsWith('Fn::'));
    if (intrinsic) {
      const [name, argument] = intrinsic;
      if (entries.length > 1) throw new Error(`${at}: ${name} stands beside other keys`);
      if (!Object.hasOwn(functions, name)) throw new Error(`${at}: ${name} is not understood`);
      return functions[name]!(argument, at);
    }
    const object: Record<string, unknown> = {};
    for (const [key, member] of entries) {
      const resolved = await resolve(member, `${at}.${key}`);
      if (resolved !== NO_VALUE) object[key] = resolved;
    }
    return object;
  }

  async function holds(condition: unknown, at: string): Promise<boolean> {
    const [[name, argument] = ['nothing', undefined]] = Object.entries(condition ?? {});
    const each = async () => {
      const results = [];
      for (const part of argument as unknown[]) results.push(await holds(part, at));
      return results;
    };
    switch (name) {
      case 'Condition': {
        const key = String(argument);
        if (!Object.hasOwn(names.conditions, key)) throw new Error(`${at}: condition ${key} is not in the template`);
        if (asked.has(key)) throw new Error(`${at}: condition ${key} leads back to itself`);
        asked.add(key);
        const result = await holds(names.conditions[key], `Conditions.${key}`);
        asked.delete(key);
        return result;
      }
      case 'Fn::Equals': {
        const [left, right] = pair(argument, at);
        return (await text(left, at)) === (await text(right, at));
      }
      case 'Fn::And':
        return (await each()).every(Boolean);
      case 'Fn::Or':
        return (await each()).some(Boolean);
      case 'Fn::Not':
        return !(await each())[0];
      default:
        throw new Error(`${at}: condition ${name} is not understood`);
    }
  }

  async function text(value: unknown, at: string): Promise<string> {
    const resolved = await resolve(value, at);
    if (['string', 'number', 'boolean'].includes(typeof resolved)) return String(resolved);
    return wrong(at, `needs text where ${JSON.stringify(value)} stands`);
  }

  async function elements(value: unknown, at: string): Promise<unknown[]> {
    const resolved = await resolve(value, at);
    return Array.isArray(resolved) ? resolved : wrong(at, `needs a list where ${JSON.stringify(value)} stands`);
  }

  return { resolve, holds };
}

function pair(argument: unknown, at: string): [unknown, unknown] {
  return Array.isArray(argument) && argument.length === 2 ? [argument[0], argument[1]] : wrong(at, 'takes two values');
}

function wrong(at: string, problem: string): never {
  throw new Error(`${at}: ${problem}`);
}

import aslValidator from 'asl-validator';
import { describe, expect, test } from 'vitest';
import { functionNames, kebab } from '../../lib/function-names.ts';
import { files, json, read, under } from './sources.ts';

const machines = files.filter(path => /^statemachines\/[^/]+\.asl\.json$/.test(path));
const statesOf = (path: string) => Object.entries<any>(json(path).States).map(([name, state]) => ({ name, ...state }));

/** The function that a task state calls, if it calls one of ours. */
const calledBy = (state: any): string | undefined =>
  /^\$\{(\w+)\}$/.exec(state.Resource?.includes('lambda:invoke') ? state.Arguments.FunctionName : state.Resource)?.[1];
const steps = machines.flatMap(path => statesOf(path).flatMap(state => calledBy(state) ?? []));
/** A second state for the same step, which ends in a page: always, or if nothing was claimed. */
const isTwin = (state: string) => state.endsWith('ForPerson') || state.endsWith('IfClaimed');

describe.each(machines)('%s', path => {
  test('every state says why it is there', () => {
    expect(statesOf(path).flatMap(({ name, Comment }) => (Comment?.trim() ? [] : [name]))).toEqual([]);
    expect(json(path).Comment).toMatch(/\w/);
  });

  test('asl-validator finds nothing', () => {
    const inAws = read(path).replaceAll('${Partition}', 'aws');
    const checked = JSON.parse(inAws.replace(/\$\{(\w+)\}/g, 'arn:aws:lambda:us-east-1:000000000000:function:$1'));
    expect(aslValidator(checked).errorsText('; ')).toBe('');
  });

  test('a state is called as the function that it calls, and the file beside says its input and output', () => {
    const beside = read(path.replace('.asl.json', '.ts'));
    for (const state of statesOf(path)) {
      const called = calledBy(state);
      if (!called) continue;
      if (!isTwin(state.name)) expect(state.name).toBe(called);
      expect(beside).toContain(`export const ${called} = /* @__PURE__ */ step('${called}', `);
    }
  });

  test('no state tries for ever, and none catches everything before it has caught what it knows', () => {
    for (const { name, Retry = [], Catch = [] } of statesOf(path)) {
      for (const retrier of Retry) expect(retrier, name).toMatchObject({ MaxAttempts: expect.any(Number) });
      const all = Catch.findIndex((catcher: any) => catcher.ErrorEquals.includes('States.ALL'));
      expect([-1, Catch.length - 1], name).toContain(all);
    }
  });
});

describe('one step, one name', () => {
  test('functions are the steps, and what something else than a state machine wakes', () => {
    const woken = functionNames.filter(name => !steps.includes(name));
    expect([...functionNames].sort()).toEqual([...new Set([...steps, ...woken])].sort());
    const others = [
      'Audit',
      'LastGuard',
      'LookFromOutside',
      'OnAcmExpiry',
      'OnCommandStatus',
      'ReadRenewalInfo',
      'Renew',
      'Sweep',
    ];
    expect([...woken].sort()).toEqual(others);
    for (const name of woken) expect(read(`lambdas/${kebab(name)}.ts`)).toMatch(/^\/\*\* Woken by /);
  });

  test('each function has a file, spelt by derivation, and each file is a function', () => {
    const lambdas = under('lambdas').filter(file => !['environment.ts', 'issuer.ts'].includes(file.slice(8)));
    expect(lambdas).toEqual(functionNames.map(name => `lambdas/${kebab(name)}.ts`).sort());
  });

  test.each(functionNames.filter(name => steps.includes(name)))("%s is made by its step's own handler", name => {
    const file = read(`lambdas/${kebab(name)}.ts`);
    expect(file).toContain(`export const handler = ${name}.handler(`);
    expect(file.split('\n')[0]).toMatch(new RegExp(`State.* ${name}[ .]`));
  });
});

test('no file of the product has more than 12 kB', () => {
  const product = /^(core|aws|lambdas|lib|statemachines|install|bin|pack|prove|local|packages\/[^/]+\/src)\//;
  const written = files.filter(path => product.test(path) && !path.endsWith('.asl.json'));
  expect(written.filter(path => Buffer.byteLength(read(path)) > 12_000)).toEqual([]);
  expect(written.length).toBeGreaterThan(100);
});

test('no file is called after nothing in particular', () => {
  const vague = /(^|\/)(utils?|helpers?|common|managers?|index|misc|shared)\.(ts|mjs|sh)$/;
  expect(files.filter(path => vague.test(path))).toEqual([]);
});

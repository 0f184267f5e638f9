import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Starts } from '../src/lambda/starts.ts';

/** Asks for this many processes. Each process is ready when the test says so. */
function needing(name: string, processes: number, log: string[]) {
  const up: (() => void)[] = [];
  const start = () => {
    if (processes === 0) return undefined;
    processes--;
    log.push(name);
    return new Promise<void>(resolve => up.push(resolve));
  };
  return { start, up, needsNoMore: () => void (processes = 0) };
}

test('no more processes start at once than allowed, however many functions ask', async () => {
  const log: string[] = [];
  const starts = new Starts(2);
  const [claim, order] = [needing('claim', 3, log), needing('order', 1, log)];
  for (const { start } of [claim, order, claim]) starts.ask(start, { hasNone: false });
  expect(log).toEqual(['claim', 'claim']);
  claim.up.shift()!();
  await turn();
  expect(log).toEqual(['claim', 'claim', 'claim']);
  for (let i = 0; i < 2; i++) claim.up.shift()!();
  await turn();
  expect(log).toEqual(['claim', 'claim', 'claim', 'order']);
});

test('functions take turns: one that needs many processes does not delay one that needs one', async () => {
  const log: string[] = [];
  const starts = new Starts(1);
  const [claim, order] = [needing('claim', 9, log), needing('order', 1, log)];
  for (const { start } of [claim, order]) starts.ask(start, { hasNone: false });
  for (const { up } of [claim, claim, order]) {
    up.shift()!();
    await turn();
  }
  expect(log).toEqual(['claim', 'claim', 'order', 'claim']);
});

test('a function without a process comes before functions that ask for one more', async () => {
  const log: string[] = [];
  const starts = new Starts(1);
  const [claim, order, first] = [needing('claim', 2, log), needing('order', 1, log), needing('first', 1, log)];
  for (const { start } of [claim, order]) starts.ask(start, { hasNone: false });
  starts.ask(first.start, { hasNone: true });
  claim.up.shift()!();
  await turn();
  expect(log).toEqual(['claim', 'first']);
});

test('a process that is no longer needed at its turn is not started, and may be asked for again', async () => {
  const log: string[] = [];
  const starts = new Starts(1);
  const [claim, order, again] = [needing('claim', 1, log), needing('order', 1, log), needing('again', 1, log)];
  for (const { start } of [claim, order]) starts.ask(start, { hasNone: false });
  order.needsNoMore();
  claim.up.shift()!();
  await turn();
  starts.ask(again.start, { hasNone: false });
  expect(log).toEqual(['claim', 'again']);
});

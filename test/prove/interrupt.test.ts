import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { interruptible } from '../../prove/interrupt.ts';

function program() {
  const emitter = new EventEmitter();
  const seen = { now: 0, said: 0, ended: 0 };
  const ports = { now: () => seen.now, say: () => (seen.said += 1), end: () => (seen.ended += 1) };
  return { emitter, seen, signal: interruptible(emitter, ports) };
}

test('one Ctrl-C, which npm passes on once more, takes back and does not end at once', () => {
  const { emitter, seen, signal } = program();
  expect(signal.aborted).toBe(false);
  emitter.emit('SIGINT');
  seen.now = 40;
  emitter.emit('SIGINT');
  emitter.emit('SIGTERM');
  expect({ isAborted: signal.aborted, ...seen }).toEqual({ isAborted: true, now: 40, said: 1, ended: 0 });
});

test('a second Ctrl-C of a person ends at once', () => {
  const { emitter, seen } = program();
  emitter.emit('SIGINT');
  seen.now = 5_000;
  emitter.emit('SIGINT');
  expect(seen).toMatchObject({ said: 1, ended: 1 });
});

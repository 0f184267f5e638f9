import * as z from 'zod/mini';
import { describe, expect, test } from 'vitest';
import { ended } from '../../core/ended.ts';
import { SealpostError } from '../../core/errors.ts';
import { caught } from '../../statemachines/failure.ts';
import { step } from '../../statemachines/step.ts';

const { handler } = step('ClaimDomain', () => ({
  comment: 'It may end.',
  input: z.looseObject({}),
  output: z.object({ domain: z.string() }),
  throws: ['CaaForbids', 'AcmeRateLimited'],
  retry: {},
  ends: { StillFresh: 'StillFresh' },
  roads: {},
}));

/** What Step Functions passes on of an error that a function threw. */
async function handedOn(logic: () => Promise<{ domain: string }>): Promise<{ Error: string; Cause: string }> {
  const { name, message, stack } = await handler(logic)({}).then(
    () => expect.fail('it did not throw'),
    (error: Error) => error,
  );
  const Cause = JSON.stringify({ errorType: name, errorMessage: message, trace: stack!.split('\n') });
  return { Error: name, Cause };
}

describe('an error that a step threw', () => {
  test('is read by a later step with its name and its message', async () => {
    const error = new SealpostError('CaaForbids', { about: 'example.com', message: 'CAA forbids "it"' });
    const handed = await handedOn(() => Promise.reject(error));
    expect(JSON.parse(handed.Cause)).toMatchObject({ errorMessage: 'CAA forbids "it"' });
    expect(z.parse(caught(), handed)).toEqual({ name: 'CaaForbids', message: 'CAA forbids "it"' });
  });

  test('has the moment of its retry as data, not in its message', async () => {
    const retryAt = Date.parse('2026-11-24T10:00:00Z');
    const error = new SealpostError('AcmeRateLimited', { about: 'example.com', message: 'too many {orders}', retryAt });
    expect(error.message).toBe('too many {orders}');
    const handed = await handedOn(() => Promise.reject(error));
    expect(handed.Error).toBe('AcmeRateLimited');
    expect(JSON.parse(handed.Cause).trace).toEqual(error.stack!.split('\n'));
    expect(z.parse(caught(), handed)).toEqual({ name: 'AcmeRateLimited', message: 'too many {orders}', retryAt });
  });

  test('of our own code is read with its message', async () => {
    const handed = await handedOn(() => Promise.reject(new TypeError('x is undefined')));
    expect(z.parse(caught(), handed)).toEqual({ name: 'TypeError', message: 'x is undefined' });
  });
});

test.each([
  ['of a function that ran out of time', { Error: 'States.Timeout' }, 'States.Timeout'],
  ["in a service's plain text", { Error: 'Lambda.Unknown', Cause: 'exit status 137' }, 'exit status 137'],
  ['that is JSON of another shape', { Error: 'TypeError', Cause: '{"errorMessage":{}}' }, '{"errorMessage":{}}'],
  ['whose words are JSON', { Error: 'Error', Cause: '{"errorMessage":"{\\"retryAt\\":1}"}' }, '{"retryAt":1}'],
])('an error %s is read with its text', (_, handed, message) => {
  expect(z.parse(caught(), handed)).toEqual({ name: handed.Error, message });
});

test('an end is thrown under its name, because Step Functions matches on names', async () => {
  const why = { about: 'example.com', message: 'it is good until May' };
  await expect(handler(async () => ended('StillFresh', why))({})).rejects.toMatchObject({
    name: 'StillFresh',
    message: 'it is good until May',
  });
});

test('an output that does not match its schema is our own fault', async () => {
  const wrong = handler(async () => ({ domain: 1 }) as never);
  await expect(wrong({})).rejects.toMatchObject({ name: 'InvalidStepOutput', about: "ClaimDomain's output" });
});

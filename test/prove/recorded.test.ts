/** The recorded answers: as expected, and without anything of the account that gave them. */
import { describe, expect, test } from 'vitest';
import { differences } from '../../prove/difference.ts';
import { readRecorded, RECORDED } from '../../prove/recorded.ts';
import { redact } from '../../prove/redact.ts';
import { steps } from '../../prove/steps.ts';

const recorded = readRecorded(RECORDED);

describe.each(recorded.map(one => [one.step, one] as const))('%s', (name, one) => {
  test('was answered as the step expects', () => {
    const { expects } = steps.find(step => step.name === name)!;
    // What a step expects of a node depends on the kind of node that was asked.
    const expected = typeof expects === 'function' ? one.expected : expects;
    expect(differences({ expected, answered: one.answered })).toEqual([]);
  });

  test('has nothing that had to be taken out', () => {
    for (const { input, output = null } of one.calls) expect(redact([input, output])).toEqual([input, output]);
    expect(redact(one.answered)).toEqual(one.answered);
    expect(redact(one.answeredBy)).toEqual(one.answeredBy);
  });
});

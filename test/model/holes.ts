/** Runs that once showed a hole, each as short as the search made it. */
import type { Run } from './choices.ts';

const calm = { places: [], lifeDays: 90, skews: [] };

export const holes: { what: string; run: Run }[] = [
  {
    what: 'work that is given twice in one millisecond is not deleted by the answer to the first',
    run: {
      ...calm,
      steps: [
        { is: 'execution dies', which: 0, after: 66 },
        { is: 'provided', domain: 1, use: 1, days: 200, after: 91 },
      ],
    },
  },
  {
    what: 'clocks that differ do not make a server go round and round',
    run: { ...calm, steps: [], skews: [0, -120_000] },
  },
  {
    what: 'a registration stands that comes in the same second as a retirement, with its host name',
    run: { ...calm, steps: [{ is: 'retirement', server: 0, after: 0 }] },
  },
  {
    what: 'a certificate that is provided while its server waits for an inspection is served after that',
    run: {
      ...calm,
      steps: [
        { is: 'node', node: 0, isOn: false, after: 700 },
        { is: 'registration', server: 0, node: 0, after: 0 },
        { is: 'provided', domain: 0, use: 1, days: 200, after: 40 },
        { is: 'sweep', after: 40 },
      ],
    },
  },
  {
    what: 'ours, which nothing renews beside two provided certificates, leaves the servers when it ends',
    run: { ...calm, steps: [{ is: 'provided', domain: 1, use: 0, days: 200, after: 700 }] },
  },
];

/**
 * The functions' names, without an import of CDK. The bundler, lib/functions.ts and the tests
 * derive every other name from them.
 */
import type * as deliverToServer from '../statemachines/deliver-to-server.ts';
import { isTask } from '../statemachines/draw.ts';
import { machines } from '../statemachines/machines.ts';
import type * as registerServer from '../statemachines/register-server.ts';
import type * as secureDomain from '../statemachines/secure-domain.ts';
import type { Step } from '../statemachines/step.ts';

type StepIn<File> = { [Name in keyof File]: File[Name] extends Step<any, any, any> ? Name : never }[keyof File];
export type StepName = StepIn<typeof registerServer> | StepIn<typeof secureDomain> | StepIn<typeof deliverToServer>;

/** Functions that an event, a schedule or a person invokes. */
const woken = [
  'OnCommandStatus',
  'OnAcmExpiry',
  'Sweep',
  'ReadRenewalInfo',
  'Renew',
  'LookFromOutside',
  'Audit',
  'LastGuard',
] as const;
export type FunctionName = StepName | (typeof woken)[number];

/** The steps of each state machine, in the order in which a domain meets them. */
export const stepsOf: Record<string, StepName[]> = Object.fromEntries(
  machines.map(({ name, states }) => {
    const steps = Object.values(states).filter(isTask);
    return [name, [...new Set(steps.map(step => step.name as StepName))]];
  }),
);

export const functionNames: FunctionName[] = [...Object.values(stepsOf).flat(), ...woken];

/** `PublishChallenges` → `publish-challenges`. */
export function kebab(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
}

/**
 * Ends of a step that are no failure: the step's work is over, or another state has to do it. A
 * step's logic returns an `Ended` in place of its output. statemachines/step.ts turns it into the
 * name on which Step Functions matches.
 */
export const endNames = [
  'ClaimedByAnother',
  'DomainDeleted',
  'ImportWanted',
  'MoreWork',
  'NothingToDeliver',
  'RevocationWanted',
  'ServedUnderServer',
  'StillFresh',
  'StillParked',
  'WishChanged',
] as const;

export type EndName = (typeof endNames)[number];

export interface Ended<Name extends EndName = EndName> {
  ended: Name;
  /** The domain or server. */
  about: string;
  /** Why it ended, for a person who reads the execution's history. */
  message: string;
}

/**
 * @param why.about the domain or server
 * @param why.message for a person who reads the execution's history
 */
export function ended<Name extends EndName>(name: Name, why: { about: string; message: string }): Ended<Name> {
  return { ended: name, ...why };
}

/** Tells an end from a step's output, or from whatever else a function returns in its place. */
export function isEnded<T>(result: T): result is Extract<T, Ended> {
  return typeof result === 'object' && result !== null && 'ended' in result;
}

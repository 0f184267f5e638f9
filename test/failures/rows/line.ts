/**
 * A row that another test walks, in the order of `Row`, and that test: `file: a part of its name`.
 */
export type Line = [
  what: string,
  road: string,
  stored: string,
  served: string,
  seen: string,
  ends: string,
  test: string,
];

export const OLD = 'what was served before';
export const NOTHING = 'nothing';

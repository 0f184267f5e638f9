/** The failure table: what goes wrong where, and what follows. It makes docs/failures.md. */

export interface Row {
  where: 'CA' | 'DNS' | 'AWS' | 'Mail server' | 'People';
  /** What goes wrong. */
  what: string;
  /** The states that an execution takes, or what takes their place. */
  road: string;
  stored: string;
  served: string;
  /** What a person sees. */
  seen: string;
  ends: string;
  /** The test that walks the row: its file, and a part of its name. */
  test: { file: string; name: string };
}

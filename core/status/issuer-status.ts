/** How it is with an issuer in trouble; of the others there is nothing to tell. */
import { isInTrouble } from '../record/trouble.ts';
import type { KnownIssuer } from './known.ts';
import { because, type Status } from './status.ts';

export interface IssuerStatus extends Status {
  kind: 'issuer';
  directory: string;
  /** Times in a row that it was asked and failed. */
  failures: number;
}

/** Until its time the other issuers come first; where a domain may have no other, it waits. */
export function issuersInTrouble(issuers: KnownIssuer[], now: number): IssuerStatus[] {
  return issuers.flatMap(({ directory, trouble }) => {
    if (!trouble || !isInTrouble(trouble, now)) return [];
    const { issuer, reason, message, since, until, failures } = trouble;
    return [
      {
        ...{ kind: 'issuer' as const, name: issuer, directory, failures },
        ...{ state: 'in trouble', well: false, since, next: { what: 'asked again', at: until } },
        ...because(reason, `${message}; until then other issuers come first, and what may have no other waits.`),
      },
    ];
  });
}

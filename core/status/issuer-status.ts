/** What `sealpost status` shows for a failing issuer. */
import { isInTrouble } from '../record/trouble.ts';
import type { KnownIssuer } from './known.ts';
import { because, type Status } from './status.ts';

export interface IssuerStatus extends Status {
  kind: 'issuer';
  directory: string;
  /** Failures in a row. */
  failures: number;
}

export function issuersInTrouble(issuers: KnownIssuer[], now: number): IssuerStatus[] {
  return issuers.flatMap(({ directory, trouble }) => {
    if (!trouble || !isInTrouble(trouble, now)) return [];
    const { issuer, reason, message, since, until, failures } = trouble;
    return [
      {
        ...{ kind: 'issuer' as const, name: issuer, directory, failures },
        ...{ state: 'in trouble', well: false, since, next: { what: 'asked again', at: until } },
        ...because(
          reason,
          `${message}; until then other issuers are asked first, and a domain that may use no other issuer waits.`,
        ),
      },
    ];
  });
}

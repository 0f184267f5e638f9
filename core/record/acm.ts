/** What is kept of AWS Certificate Manager: a domain's copy there, and what is used of its quotas. */
import { type Parked } from './parked.ts';

/** Quotas of the account in its region; AWS raises them on request. 2,500 and 5,000 where nobody asked (the page "Quotas" of ACM's user guide, November 2026). */
export interface AcmQuotas {
  /** Imported certificates at a time; 1 or more, as the next. */
  certificates: number;
  /** Imports in 365 days, each renewal among them. */
  importsAYear: number;
}

/** As it is kept; `quotas` as they were at the last import. */
export interface AcmUse {
  /** Domains that have an ARN. */
  certificates: number;
  /** Imports that ACM took, by the month of UTC: `202611`. */
  imports: Record<string, number>;
  quotas?: AcmQuotas;
}

/** What is known of a domain's certificate in ACM. */
export interface AcmImport {
  /** When its first import was begun: where no ARN followed, ACM may hold one of ours all the same. */
  begunAt?: number;
  arn?: string;
  /** Id of the certificate that it holds. */
  certificate?: string;
  /** Why the last try came to nothing, since when, and how often in a row. */
  trouble?: Pick<Parked, 'reason' | 'message' | 'since' | 'tries'>;
  nextTry?: number;
}

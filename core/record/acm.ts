/** What is on record of AWS Certificate Manager (ACM): a domain's copy there, and what is used of its quotas. */
import type { Parked } from './parked.ts';

/**
 * Quotas of the account in its region. AWS raises them on request from the defaults, 2,500 and 5,000
 * (ACM's user guide, page "Quotas", November 2026).
 */
export interface AcmQuotas {
  /** Imported certificates at a time; 1 or more. */
  certificates: number;
  /** Imports in 365 days, renewals included; 1 or more. */
  importsAYear: number;
}

/** What this stack has used, by its own count. */
export interface AcmUse {
  /** Domains that have an ARN. */
  certificates: number;
  /** Imports that ACM took, by the month of UTC: `202611`. */
  imports: Record<string, number>;
  /** The quotas as they were at the last import. */
  quotas?: AcmQuotas;
}

/** A domain's certificate in ACM. */
export interface AcmImport {
  /** When the first import began. ACM may hold a certificate of ours although no ARN is on record. */
  begunAt?: number;
  arn?: string;
  /** Id of the certificate that ACM holds. */
  certificate?: string;
  /** Why the last try failed, since when, and how often in a row. */
  trouble?: Pick<Parked, 'reason' | 'message' | 'since' | 'tries'>;
  nextTry?: number;
}

/**
 * What is recorded of AWS Certificate Manager (ACM): a domain's copy there, and our use of its
 * quotas.
 */
import type { Parked } from './parked.ts';

/**
 * Quotas of the account in its region. AWS raises them on request from the defaults, 2,500 and
 * 5,000 (ACM's user guide, page "Quotas", November 2026).
 */
export interface AcmQuotas {
  /** Imported certificates at a time; 1 or more. */
  certificates: number;
  /** Imports in 365 days, renewals included; 1 or more. */
  importsAYear: number;
}

/** The use by this stack, by its own count. */
export interface AcmUse {
  /** Domains that have an ARN. */
  certificates: number;
  /** Imports that ACM accepted, by month of UTC: `202611`. */
  imports: Record<string, number>;
  /** The quotas as they were at the last import. */
  quotas?: AcmQuotas;
}

/** A domain's certificate in ACM. */
export interface AcmImport {
  /**
   * When the first import began. From then on ACM may hold a certificate of ours, even if no ARN is
   * recorded.
   */
  begunAt?: number;
  arn?: string;
  /** The id of the certificate that ACM holds. */
  certificate?: string;
  /** Why the last try failed, since when, and how often in a row. */
  trouble?: Pick<Parked, 'reason' | 'message' | 'since' | 'tries'>;
  nextTry?: number;
}

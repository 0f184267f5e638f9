/** A domain as the index of due items has it. */
import type { StoredCertificate } from './domain.ts';

export interface DueDomain {
  dueAt: number;
  /** Absent: no certificate is served for the domain yet. */
  certificate?: Pick<StoredCertificate, 'notAfter' | 'window' | 'staging'>;
}

/** A domain as the index of what is due has it. */
import type { StoredCertificate } from './domain.ts';

export interface DueDomain {
  dueAt: number;
  /** None: nothing is served for it yet. */
  certificate?: Pick<StoredCertificate, 'notAfter' | 'window' | 'staging'>;
}

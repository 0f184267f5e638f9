/** What is in AWS Certificate Manager (ACM). */
import type { AcmImport, AcmQuotas, AcmUse } from '../record/acm.ts';
import type { Owner } from './claim-store.ts';

export interface AcmStore {
  /**
   * Records what ACM has of the domain, after the item that leads from the ARN to the domain.
   * @throws SealpostError ClaimLost
   */
  recordAcm(owner: Owner, acm: AcmImport): Promise<void>;
  /** Forgets what ACM has of the domain, then the ARN's item. @throws SealpostError ClaimLost */
  forgetAcm(owner: Owner, arn: string | undefined): Promise<void>;
  /**
   * Counts an import that ACM took.
   * @param month of UTC, as `202611`
   * @param quotas as they are now
   */
  countImport(month: string, quotas: AcmQuotas): Promise<void>;
  /**
   * @param asked.withCertificates true reads every ARN; false leaves `certificates` 0
   */
  acmUse(asked: { withCertificates: boolean }): Promise<AcmUse>;
  /** @returns the domain whose certificate has that ARN */
  domainOfArn(arn: string): Promise<string | undefined>;
}

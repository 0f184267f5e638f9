/** What is in AWS Certificate Manager. */
import type { AcmImport, AcmQuotas, AcmUse } from '../record/acm.ts';

export interface AcmStore {
  /** Remembers what is in ACM for it, and finds the domain by its ARN from then on. @throws ClaimLost */
  recordAcm(domain: string, me: string, acm: AcmImport): Promise<void>;
  /** Forgets that, and the ARN. @throws ClaimLost */
  forgetAcm(domain: string, me: string, arn: string | undefined): Promise<void>;
  /** One more import that ACM took. @param month as `202611`, of UTC @param quotas as they are now */
  countImport(month: string, quotas: AcmQuotas): Promise<void>;
  /** @param withCertificates those are a read of each one's ARN; else 0 */
  acmUse(withCertificates: boolean): Promise<AcmUse>;
  /** The domain whose certificate that ARN is. */
  domainOfArn(arn: string): Promise<string | undefined>;
}

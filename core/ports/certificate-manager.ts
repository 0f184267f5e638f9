/**
 * AWS Certificate Manager, for services that cannot take a certificate from us (load balancers,
 * CloudFront).
 */
export interface CertificateManager {
  /**
   * Imports a certificate in place of the one at `arn`, or as a new one with the stack's and the
   * domain's tags.
   * @returns the ARN; undefined if there is no certificate at `arn` any more
   * @throws SealpostError ImportQuotaSpent, ImportRefused, Throttled (ACM accepts one import a
   *   second)
   */
  import(certificate: { domain: string; arn?: string; keyPem: string; chainPem: string }): Promise<string | undefined>;
  /**
   * Finds a certificate that was imported for this domain before.
   * @param certificate.name one of the certificate's names
   * @returns its ARN
   */
  find(certificate: { domain: string; name: string }): Promise<string | undefined>;
  /**
   * Deletes a certificate. The call is idempotent.
   * @throws SealpostError ImportInUse, ImportRefused, Throttled
   */
  remove(certificate: { domain: string; arn: string }): Promise<void>;
}

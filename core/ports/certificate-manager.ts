/** AWS Certificate Manager, as the product uses it. */
/** AWS Certificate Manager, for what cannot take a certificate from us (load balancers, CloudFront). */
export interface CertificateManager {
  /**
   * Imports in place of what `arn` holds, or as a new certificate with this stack's and the domain's tag.
   * @returns the ARN; undefined where nothing is at `arn` any more
   * @throws SealpostError ImportQuotaSpent, ImportRefused, Throttled (ACM takes one import a second)
   */
  import(certificate: { domain: string; arn?: string; keyPem: string; chainPem: string }): Promise<string | undefined>;
  /** A certificate that was imported for this domain before. @param name one of its names */
  find(certificate: { domain: string; name: string }): Promise<string | undefined>;
  /** Deletes it; one that is gone is deleted. @throws SealpostError ImportInUse, Throttled */
  remove(certificate: { domain: string; arn: string }): Promise<void>;
}

/** The two S3 buckets, as the product uses them. */
import type { Looks, Manifest } from '../record/delivery.ts';

/** Private keys and chains; deliveries and installers. */
export interface CertificateObjects {
  /** Stores the key unless one is there. @returns the key that is stored, and whether it is this one */
  putKeyOnce(domain: string, id: string, keyPem: string): Promise<{ keyPem: string; isNew: boolean }>;
  putChain(domain: string, id: string, chainPem: string): Promise<void>;
  readKey(domain: string, id: string): Promise<string>;
  readChain(domain: string, id: string): Promise<string>;
  /** Takes both away; they are gone for good when the bucket's lifecycle says so. */
  remove(domain: string, id: string): Promise<void>;
}

export interface DeliveryObjects {
  putDelivery(prefix: string, hash: string, text: string): Promise<void>;
  putManifest(hash: string, manifest: Manifest): Promise<void>;
  readManifest(hash: string): Promise<Manifest>;
  putLooks(hash: string, looks: Looks): Promise<void>;
  readLooks(hash: string): Promise<Looks>;
  /** Takes a delivery away, whose keys nobody needs any more. */
  removeDelivery(prefix: string, hash: string): Promise<void>;
  /** Stores the installer under its hash unless it is there. */
  putInstaller(sha256: string, text: string): Promise<void>;
}

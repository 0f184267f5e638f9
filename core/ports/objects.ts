/** The two S3 buckets, as the product uses them. */
import type { Looks, Manifest } from '../record/delivery.ts';

/** A stored certificate: `id` is `StoredCertificate.id`. */
export interface CertificateId {
  domain: string;
  id: string;
}

/** Private keys and chains. */
export interface CertificateObjects {
  /** Stores the key unless one is there. @returns the key that is stored, and whether it is this one */
  putKeyOnce(certificate: CertificateId, keyPem: string): Promise<{ keyPem: string; isNew: boolean }>;
  putChain(certificate: CertificateId, chainPem: string): Promise<void>;
  readKey(certificate: CertificateId): Promise<string>;
  readChain(certificate: CertificateId): Promise<string>;
  /** Takes both away; they are gone for good when the bucket's lifecycle says so. */
  remove(certificate: CertificateId): Promise<void>;
}

/** A delivery of one server: `prefix` is `deliveryPrefix(server)`, `hash` the sha256 of the text, hex. */
export interface DeliveryPlace {
  prefix: string;
  hash: string;
}

/** Deliveries, their manifests, and installers. */
export interface DeliveryObjects {
  putDelivery(place: DeliveryPlace, text: string): Promise<void>;
  putManifest(hash: string, manifest: Manifest): Promise<void>;
  readManifest(hash: string): Promise<Manifest>;
  putLooks(hash: string, looks: Looks): Promise<void>;
  readLooks(hash: string): Promise<Looks>;
  /** Takes a delivery away, whose keys nobody needs any more. */
  removeDelivery(place: DeliveryPlace): Promise<void>;
  /** Stores the installer under its hash unless it is there. */
  putInstaller(installer: { sha256: string; text: string }): Promise<void>;
}

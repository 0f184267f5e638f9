/** The two S3 buckets, as the product uses them. */
import type { Looks, Manifest } from '../record/delivery.ts';

/** A stored certificate: `id` is `StoredCertificate.id`. */
export interface CertificateId {
  domain: string;
  id: string;
}

/** Private keys and chains. */
export interface CertificateObjects {
  /**
   * Stores the key unless there is one.
   * @returns the key that is stored, and whether it is the given one
   */
  putKeyOnce(certificate: CertificateId, keyPem: string): Promise<{ keyPem: string; isNew: boolean }>;
  putChain(certificate: CertificateId, chainPem: string): Promise<void>;
  /** @throws SealpostError CertificateUnusable if the key is gone */
  readKey(certificate: CertificateId): Promise<string>;
  /** @throws SealpostError CertificateUnusable if the chain is gone */
  readChain(certificate: CertificateId): Promise<string>;
  /** Deletes key and chain. The bucket's lifecycle deletes the last version of them later. */
  remove(certificate: CertificateId): Promise<void>;
}

/**
 * Where a server's delivery is: `prefix` is `deliveryPrefix(server)`, `hash` the SHA-256 of its
 * text, hexadecimal.
 */
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
  /** Deletes a delivery, whose keys no server needs any more. */
  removeDelivery(place: DeliveryPlace): Promise<void>;
  /** Stores the installer under its hash, unless it is there. */
  putInstaller(installer: { sha256: string; text: string }): Promise<void>;
}

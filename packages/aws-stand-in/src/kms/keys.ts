/**
 * The keys of KMS. Their material lies in files beside the database, so that the database file
 * alone decrypts nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AwsError } from '../service/service.ts';
import type { Cloud } from '../service/service.ts';

export type EncryptionContext = Record<string, string>;

/**
 * Bytes of a ciphertext before the encrypted text: key id (UUID as text), IV, authentication tag.
 */
const [ID_BYTES, IV_BYTES, TAG_BYTES] = [36, 12, 16];

export function openKeys({ database, now }: Pick<Cloud, 'database' | 'now'>) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS kms_keys (
      id TEXT PRIMARY KEY, owner TEXT NOT NULL UNIQUE, manager TEXT NOT NULL, description TEXT NOT NULL, created INTEGER NOT NULL);`);
  const location = database.location();
  const directory = location && join(dirname(location), 'kms');
  const materials = new Map<string, Buffer>();

  /**
   * The key of an owner, made at its first use. An owner is a resource of a stack, or a service.
   */
  function ensureKey(owner: string, manager: 'CUSTOMER' | 'AWS', description: string): string {
    const known = database.prepare('SELECT id FROM kms_keys WHERE owner = ?').get(owner);
    if (known) {
      database
        .prepare('UPDATE kms_keys SET description = ?1 WHERE owner = ?2 AND description <> ?1')
        .run(description, owner);
      return known.id as string;
    }
    const id = randomUUID();
    const material = randomBytes(32);
    // Without a database file, nothing outlives the process, including keys.
    if (directory) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // The file is renamed before the row is written, so that a known key always has its material.
      writeFileSync(join(directory, `.${id}`), material, { mode: 0o600, flush: true });
      renameSync(join(directory, `.${id}`), join(directory, id));
    }
    materials.set(id, material);
    database.prepare('INSERT INTO kms_keys VALUES (?, ?, ?, ?, ?)').run(id, owner, manager, description, now());
    return id;
  }

  function materialOf(id: string): Buffer {
    const material = materials.get(id) ?? readFileSync(join(directory!, id));
    materials.set(id, material);
    return material;
  }

  function encrypt(id: string, plaintext: Uint8Array, context: EncryptionContext): Uint8Array {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', materialOf(id), iv).setAAD(associatedData(id, context));
    const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return Buffer.concat([Buffer.from(id), iv, cipher.getAuthTag(), encrypted]);
  }

  /**
   * @throws AwsError InvalidCiphertextException for bytes of another origin, changed bytes, or
   *   another context
   */
  function decrypt(id: string, ciphertext: Uint8Array, context: EncryptionContext): Uint8Array {
    const rest = Buffer.from(ciphertext).subarray(ID_BYTES);
    const [iv, tag] = [rest.subarray(0, IV_BYTES), rest.subarray(IV_BYTES, IV_BYTES + TAG_BYTES)];
    try {
      const decipher = createDecipheriv('aes-256-gcm', materialOf(id), iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(associatedData(id, context)).setAuthTag(tag);
      return Buffer.concat([decipher.update(rest.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    } catch {
      throw invalidCiphertext();
    }
  }

  function keyIn(ciphertext: Uint8Array): string {
    const id = Buffer.from(ciphertext).subarray(0, ID_BYTES).toString('latin1');
    if (!database.prepare('SELECT id FROM kms_keys WHERE id = ?').get(id)) throw invalidCiphertext();
    return id;
  }

  return { ensureKey, encrypt, decrypt, keyIn };
}

/**
 * Binds a ciphertext to its key and its context. The order of the context's members does not
 * matter.
 */
function associatedData(id: string, context: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify([id, Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))]));
}

function invalidCiphertext(): AwsError {
  return new AwsError('InvalidCiphertextException', '');
}

/** Reads of objects that may be gone: after a restored table, the record may name such ones. */
import { isSealpostError } from '../errors.ts';

/** @returns what was read; undefined if it is gone */
export async function unlessGone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isSealpostError(error, 'CertificateUnusable')) return undefined;
    throw error;
  }
}

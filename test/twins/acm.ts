/** ACM in memory, with a quota that a test may set. */
import { randomUUID } from 'node:crypto';
import { SealpostError } from '../../core/errors.ts';
import type { CertificateManager } from '../../core/ports/certificate-manager.ts';

export interface MemoryAcm extends CertificateManager {
  /** Certificates by ARN. */
  held: Map<string, { domain: string; chainPem: string }>;
  /** The number of certificates that the account may still import. */
  quota: number;
  /** The ARNs of certificates that a load balancer uses. */
  inUse: Set<string>;
}

export function memoryAcm(): MemoryAcm {
  const memory: MemoryAcm = {
    held: new Map(),
    quota: Number.POSITIVE_INFINITY,
    inUse: new Set(),
    async import({ domain, arn, chainPem }) {
      if (arn !== undefined && !memory.held.has(arn)) return undefined;
      if (memory.quota <= 0)
        throw new SealpostError('ImportQuotaSpent', { about: domain, message: 'the account has no import left' });
      memory.quota--;
      const place = arn ?? `arn:aws:acm:us-east-1:000000000000:certificate/${randomUUID()}`;
      memory.held.set(place, { domain, chainPem });
      return place;
    },
    find: async ({ domain }) => [...memory.held].find(([, held]) => held.domain === domain)?.[0],
    async remove({ domain, arn }) {
      if (memory.inUse.has(arn)) throw new SealpostError('ImportInUse', { about: domain, message: `${arn} is in use` });
      memory.held.delete(arn);
    },
  };
  return memory;
}

/** What is in ACM, in memory, under the same conditions as aws/acm-items.ts. */
import type { AcmStore } from '../../core/ports/acm-store.ts';
import { copy, type Memory } from './memory.ts';
import { ownedDomain } from './owned.ts';

export function acmStore(memory: Memory): AcmStore {
  const { arns, imports } = memory;

  return {
    async recordAcm(owner, acm) {
      if (acm.arn !== undefined) arns.set(acm.arn, owner.domain);
      ownedDomain(memory, owner, { to: { acm } });
    },

    async forgetAcm(owner, arn) {
      ownedDomain(memory, owner, { to: { acm: undefined } });
      if (arn !== undefined && arns.get(arn) === owner.domain) arns.delete(arn);
    },

    async countImport(month, quotas) {
      imports.byMonth[month] = (imports.byMonth[month] ?? 0) + 1;
      imports.quotas = quotas;
    },

    async acmUse({ withCertificates }) {
      const { byMonth, quotas } = imports;
      return copy({ certificates: withCertificates ? arns.size : 0, imports: byMonth, quotas });
    },

    async domainOfArn(arn) {
      return arns.get(arn);
    },
  };
}

/** What is in ACM: `D#<domain>`, items `M#` `/M#<ARN>` and `/N` (imports by month). */
import type { AcmStore } from '../core/ports/acm-store.ts';
import type { AcmQuotas, AcmUse } from '../core/record/acm.ts';
import type { Key } from './keys.ts';
import { ownedDomain } from './owned.ts';
import type { Table } from './table.ts';

/** One partition, so that items can be counted; ACM takes one import a second. */
const ACM = 'M#';
const arnKey = (arn: string): Key => ({ pk: ACM, sk: `/M#${arn}` });
const importsKey: Key = { pk: ACM, sk: '/N' };
/** Begins the names of its counters, for instance `in202611`: an alias begins with a letter. */
const IMPORTS_IN = 'in';

export function acmItems(table: Table): AcmStore {
  const mine = ownedDomain(table);

  return {
    // The ARN's item first: an item that leads to a domain which has no `acm` yet does no harm.
    async recordAcm(owner, acm) {
      if (acm.arn !== undefined) await table.put(arnKey(acm.arn), { domain: owner.domain });
      await mine(owner, { to: { acm } });
    },

    async forgetAcm(owner, arn) {
      await mine(owner, { to: { acm: undefined } });
      if (arn !== undefined) await table.remove(arnKey(arn), '#domain = :domain', { domain: owner.domain });
    },

    async countImport(month, quotas) {
      const set = `SET #quotas = :quotas ADD #${IMPORTS_IN}${month} :one`;
      await table.update(importsKey, { set, values: { quotas, one: 1 } });
    },

    async acmUse({ withCertificates }) {
      const counted = await table.get(importsKey);
      const arns = withCertificates ? await table.query({ pk: ACM, prefix: '/M#' }, Number.POSITIVE_INFINITY) : [];
      return asAcmUse(counted, arns.length);
    },

    async domainOfArn(arn) {
      return (await table.get(arnKey(arn)))?.domain as string | undefined;
    },
  };
}

export function asAcmUse(item: Record<string, unknown> | undefined, certificates: number): AcmUse {
  const imports = Object.entries(item ?? {}).flatMap(([name, count]) =>
    name.startsWith(IMPORTS_IN) ? [[name.slice(IMPORTS_IN.length), count as number]] : [],
  );
  const quotas = item?.quotas as AcmQuotas | undefined;
  return { certificates, imports: Object.fromEntries(imports), ...(quotas && { quotas }) };
}

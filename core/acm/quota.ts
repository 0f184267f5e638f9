/** ACM's quotas on imported certificates, and what of them this stack has used by its own count: others may import into the account, too, and ACM has the last word. */
import { SealpostError } from '../errors.ts';
import type { AcmQuotas, AcmUse } from '../record/acm.ts';

const DAY = 86_400_000;
const YEAR_MS = 365 * DAY;

/** @param now ms since the epoch */
export function monthOf(now: number): string {
  return new Date(now).toISOString().slice(0, 7).replace('-', '');
}

/** The months that 365 days reach into, whole: a few too many rather than one too few. */
export function importsOfAYear(imports: AcmUse['imports'], now: number): number {
  return total(counted(imports, now));
}

/**
 * Before ACM is asked.
 * @param isFirst it would be one certificate more, not another in the same place
 * @throws SealpostError ImportQuotaSpent
 */
export function requireQuota(domain: string, isFirst: boolean, use: AcmUse, quotas: AcmQuotas, now: number): void {
  if (isFirst && use.certificates >= quotas.certificates)
    throw spent(
      domain,
      `${use.certificates} domains are in ACM, and the setting AcmCertificates is ${quotas.certificates}`,
    );
  const months = counted(use.imports, now);
  const made = total(months);
  if (made < quotas.importsAYear) return;
  const since = months[0]![0];
  throw spent(
    domain,
    `${made} imports were made since ${since.slice(0, 4)}-${since.slice(4)}, and the setting AcmImportsAYear is ${quotas.importsAYear}; there is room again on ${new Date(freeAt(months, quotas.importsAYear)).toISOString().slice(0, 10)}`,
  );
}

/** Without a time of its own: a higher quota is seen by the next daily try. */
function spent(domain: string, text: string): SealpostError {
  const remedy = 'ask AWS for a higher quota and say it in that setting';
  return new SealpostError('ImportQuotaSpent', domain, `${domain} is not imported: ${text}; ${remedy}`);
}

/** Oldest first. */
function counted(imports: AcmUse['imports'], now: number): [string, number][] {
  const first = monthOf(now - YEAR_MS);
  return Object.entries(imports)
    .filter(([month]) => month >= first)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function total(months: [string, number][]): number {
  return months.reduce((sum, [, count]) => sum + count, 0);
}

/** When enough of the oldest months count no more for one import to have room: 365 days after the end of the last of them. */
function freeAt(months: [string, number][], quota: number): number {
  let left = total(months);
  const [month] = months.find(([, count]) => (left -= count) < quota)!;
  return Date.UTC(Number(month.slice(0, 4)), Number(month.slice(4)), 1) + YEAR_MS;
}

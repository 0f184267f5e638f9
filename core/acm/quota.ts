/**
 * ACM's quotas on imported certificates, and what this stack has used of them by its own count.
 * Others may import into the account, too, so ACM's own answer decides.
 */
import { SealpostError } from '../errors.ts';
import type { AcmQuotas, AcmUse } from '../record/acm.ts';

const DAY = 86_400_000;
const YEAR_MS = 365 * DAY;

/** @param now milliseconds since the epoch @returns the month of UTC: `202611` */
export function monthOf(now: number): string {
  return new Date(now).toISOString().slice(0, 7).replace('-', '');
}

/** Whole months are counted, so that the sum is rather a few too many than one too few. */
export function importsOfAYear(imports: AcmUse['imports'], now: number): number {
  return total(counted(imports, now));
}

/**
 * Called before ACM is.
 * @param asked.isFirst true if the import would add a certificate; false if it replaces one
 * @throws SealpostError ImportQuotaSpent
 */
export function requireQuota(
  asked: { domain: string; isFirst: boolean },
  use: AcmUse,
  { quotas, now }: { quotas: AcmQuotas; now: number },
): void {
  if (asked.isFirst && use.certificates >= quotas.certificates)
    throw spent(
      asked,
      `${use.certificates} domains are in ACM, and the setting AcmCertificates is ${quotas.certificates}`,
    );
  const months = counted(use.imports, now);
  const made = total(months);
  if (made < quotas.importsAYear) return;
  const since = months[0]![0];
  const freeOn = new Date(freeAt(months, quotas.importsAYear)).toISOString().slice(0, 10);
  throw spent(
    asked,
    `${made} imports were made since ${since.slice(0, 4)}-${since.slice(4)}, and the setting AcmImportsAYear is ${quotas.importsAYear}; there is room again on ${freeOn}`,
  );
}

/**
 * The error names no moment of a retry, because the next daily try finds a quota that was raised
 * meanwhile.
 */
function spent({ domain }: { domain: string }, why: string): SealpostError {
  const remedy = 'ask AWS for a higher quota and say it in that setting';
  return new SealpostError('ImportQuotaSpent', {
    about: domain,
    message: `${domain} is not imported: ${why}; ${remedy}`,
  });
}

/** The months that 365 days reach into, the oldest first. */
function counted(imports: AcmUse['imports'], now: number): [string, number][] {
  const first = monthOf(now - YEAR_MS);
  return Object.entries(imports)
    .filter(([month]) => month >= first)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function total(months: [string, number][]): number {
  return months.reduce((sum, [, count]) => sum + count, 0);
}

/**
 * When so many of the oldest months have passed that one import has room: 365 days after the end of
 * the last of these months.
 */
function freeAt(months: [string, number][], quota: number): number {
  let left = total(months);
  const [month] = months.find(([, count]) => (left -= count) < quota)!;
  return Date.UTC(Number(month.slice(0, 4)), Number(month.slice(4)), 1) + YEAR_MS;
}

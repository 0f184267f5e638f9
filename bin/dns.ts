/** `sealpost dns`: the lines for the customer's zone, ready to paste into a zone file. */
import { planNames } from '../core/certificate/names.ts';
import { delegationLines } from '../core/dns/challenge-place.ts';
import type { Answer, Here } from './here.ts';
import type { DomainRecord } from '../core/record/domain.ts';

/** @param domain as parseDomain returns it */
export async function dns(here: Here, { names }: { names?: string }, domain: string): Promise<Answer> {
  const { store, challengeZone } = await here.environment();
  const [record] = (await (await store()).ofDomain(domain)).domains;
  const delegated = namesToDelegate(domain, record, names?.split(','));
  const zone = await challengeZone();
  return { text: dnsText(delegated, zone), data: dnsRecords(delegated, zone), isWell: true };
}

export interface DnsRecord {
  name: string;
  type: string;
  value: string;
}

/**
 * @param labels of a wish with policy `list` that is not put yet
 * @throws SealpostError InvalidStepInput
 */
export function namesToDelegate(domain: string, record: DomainRecord | undefined, labels: string[] | undefined) {
  if (labels) return planNames({ domain, policy: 'list', names: labels });
  return planNames(record?.spec ?? { domain, policy: 'wildcard' });
}

export function dnsText(names: string[], challengeZone: string): string {
  return delegationLines(names, { name: challengeZone }).join('\n');
}

export function dnsRecords(names: string[], challengeZone: string): DnsRecord[] {
  return delegationLines(names, { name: challengeZone }).map(line => {
    const [name, type, value] = line.split(' ') as [string, string, string];
    return { name, type, value };
  });
}

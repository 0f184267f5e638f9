/** What must be so when nothing happens any more. */
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { DomainRecord } from '../../core/record/domain.ts';
import { serversOf } from '../../core/record/domain.ts';
import { handshake } from '../../local/clients/handshake.ts';
import type { Provider } from '../../local/provider/provider.ts';
import { storeOf } from '../../local/provider/panel.ts';

export interface Verdict {
  served: number;
  /** Domains that wait, with their reasons. */
  parked: string[];
  wrong: string[];
  keysWithoutRecord: string[];
}

/** @param addresses by server */
export async function judge(provider: Provider, domains: string[], addresses: Map<string, string>): Promise<Verdict> {
  const store = storeOf(provider);
  const verdict: Verdict = { served: 0, parked: [], wrong: [], keysWithoutRecord: [] };
  const records = new Map<string, DomainRecord | undefined>();
  for (const domain of [...domains, ...addresses.keys()]) records.set(domain, await store.readDomain(domain));
  for (const domain of domains) await judgeDomain(domain, records.get(domain), { provider, addresses, verdict });
  const bucket = provider.stack.outputs.CertificateBucket!;
  for (const key of await keysIn(new S3Client(provider.client()), bucket)) {
    const [, domain, id] = /certificates\/([^/]+)\/([^/]+)\/key/.exec(key) ?? [];
    if (domain !== undefined && !idsOf(records.get(domain)).includes(id!)) verdict.keysWithoutRecord.push(key);
  }
  return verdict;
}

async function judgeDomain(
  domain: string,
  record: DomainRecord | undefined,
  { provider, addresses, verdict }: { provider: Provider; addresses: Map<string, string>; verdict: Verdict },
): Promise<void> {
  const wished = record?.spec ? serversOf(record.spec) : [];
  const troubles: string[] = [];
  for (const [server, address] of addresses) {
    const seen = await handshake({ address, port: 993, name: `mail.${domain}`, roots: provider.roots });
    const isServed = seen.trusted && seen.fingerprint === record?.current?.fingerprint;
    if (wished.includes(server) && !isServed) troubles.push(`${server} serves ${seen.fingerprint?.slice(0, 8)}`);
    if (!wished.includes(server) && seen.trusted) troubles.push(`${server} still serves it`);
  }
  if (troubles.length === 0) verdict.served++;
  else if (record?.parked) verdict.parked.push(`${domain}: ${record.parked.reason}: ${record.parked.message}`);
  else verdict.wrong.push(`${domain}: ${troubles.join('; ')}`);
}

async function keysIn(s3: S3Client, Bucket: string): Promise<string[]> {
  const keys: string[] = [];
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const { Contents = [], NextContinuationToken } = await s3.send(
      new ListObjectsV2Command({ Bucket, ...(token !== undefined && { ContinuationToken: token }) }),
    );
    keys.push(...Contents.map(({ Key }) => Key!));
    token = NextContinuationToken;
  }
  return keys;
}

function idsOf(record: DomainRecord | undefined): string[] {
  const { current, superseded = [], elsewhere = [], order } = record ?? {};
  return [...superseded, ...elsewhere, ...[current?.id, order?.certificate].filter(id => id !== undefined)];
}

/**
 * ACM as a place that certificates are imported into. ACM never returns an imported private key,
 * and nothing here serves it. The key is therefore checked and then dropped.
 */
import { X509Certificate, randomUUID } from 'node:crypto';
import * as model from '@aws-sdk/client-acm';
import { arn, AwsError } from '../service/service.ts';
import type { Call, Cloud, ConditionContext, Service } from '../service/service.ts';
import { checkImport, describeCertificate } from './certificate-import.ts';
import type { EventsService } from '../events/events.ts';
import { refuseOthers } from '../service/refusal.ts';

/** ACM's default quotas. */
const maxCertificates = 2_500;
const maxImportsAYear = 5_000;
const dayMs = 86_400_000;
/** The key types of ListCertificates without a filter (API reference, Filters). */
const listedByDefault: readonly model.KeyAlgorithm[] = ['RSA_1024', 'RSA_2048'];

/** ACM sends a daily event for an imported certificate from this many days before its end. */
const expiryEventDays = 45;
const lookEveryMs = 3_600_000;
const CERTIFICATE_ARN = /^arn:aws(-\w+)*:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/;

interface Row {
  arn: string;
  certificate: string;
  chain: string | null;
  tags: string;
  createdAt: number;
  importedAt: number;
  announcedAt: number;
}

export function acm(cloud: Cloud): Service {
  cloud.database.exec(`
    CREATE TABLE IF NOT EXISTS acm_certificates (arn TEXT PRIMARY KEY, certificate TEXT NOT NULL, chain TEXT, tags TEXT NOT NULL,
      createdAt INTEGER NOT NULL, importedAt INTEGER NOT NULL, announcedAt INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS acm_imports (at INTEGER NOT NULL)`);
  const select = cloud.database.prepare('SELECT * FROM acm_certificates WHERE arn = ?');
  const selectAll = cloud.database.prepare('SELECT * FROM acm_certificates ORDER BY createdAt, arn');
  const upsert = cloud.database.prepare(
    `INSERT INTO acm_certificates (arn, certificate, chain, tags, createdAt, importedAt)
     VALUES (:arn, :certificate, :chain, :tags, :now, :now)
     ON CONFLICT DO UPDATE SET certificate = :certificate, chain = :chain, importedAt = :now, announcedAt = 0`,
  );
  const remove = cloud.database.prepare('DELETE FROM acm_certificates WHERE arn = ?');
  const announced = cloud.database.prepare('UPDATE acm_certificates SET announcedAt = ? WHERE arn = ?');
  const countImport = cloud.database.prepare('INSERT INTO acm_imports VALUES (?)');
  const imports = cloud.database.prepare('SELECT count(*) AS count FROM acm_imports WHERE at > ?');
  let timer: NodeJS.Timeout | undefined;

  const all = () => selectAll.all() as unknown as Row[];

  function open(action: string, certificateArn: string, call: Call): Row {
    if (!CERTIFICATE_ARN.test(certificateArn))
      throw new AwsError('InvalidArnException', `The certificate ARN ${certificateArn} is not valid.`);
    const row = select.get(certificateArn) as Row | undefined;
    call.authorize(`acm:${action}`, certificateArn, tagContext(row));
    if (row === undefined)
      throw new AwsError(
        'ResourceNotFoundException',
        `Could not find certificate ${certificateArn} in account ${cloud.account}.`,
      );
    return row;
  }

  function importCertificate(input: model.ImportCertificateCommandInput, call: Call): model.ImportCertificateResponse {
    const tags = Object.fromEntries((input.Tags ?? []).map(tag => [tag.Key!, tag.Value ?? '']));
    const reserved = Object.entries(tags)
      .flat()
      .find(text => /^aws:/i.test(text));
    if (reserved !== undefined)
      throw new AwsError('InvalidTagException', `A tag cannot begin with aws: (${reserved}).`);
    if (input.CertificateArn !== undefined) {
      open('ImportCertificate', input.CertificateArn, call);
      if (input.Tags !== undefined)
        throw new AwsError('ValidationException', 'Tags cannot be given when a certificate is imported again.');
    } else {
      const requested = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]);
      const asked = Object.fromEntries(requested);
      call.authorize('acm:ImportCertificate', arn(cloud, 'acm', 'certificate/*'), asked);
      if (requested.length > 0) call.authorize('acm:AddTagsToCertificate', arn(cloud, 'acm', 'certificate/*'), asked);
      if (all().length >= maxCertificates)
        throw new AwsError('LimitExceededException', `An account has at most ${maxCertificates} certificates.`);
    }
    const { count } = imports.get(cloud.now() - 365 * dayMs) as { count: number };
    if (count >= maxImportsAYear)
      throw new AwsError(
        'LimitExceededException',
        `An account imports at most ${maxImportsAYear} certificates in 365 days.`,
      );
    const certificate = text(input.Certificate!);
    const chain = input.CertificateChain && text(input.CertificateChain);
    checkImport(certificate, text(input.PrivateKey!), chain, cloud.now());
    const CertificateArn = input.CertificateArn ?? arn(cloud, 'acm', `certificate/${randomUUID()}`);
    upsert.run({
      arn: CertificateArn,
      certificate,
      chain: chain ?? null,
      tags: JSON.stringify(tags),
      now: cloud.now(),
    });
    countImport.run(cloud.now());
    announceExpiry();
    return { CertificateArn };
  }

  function detail(row: Row): model.CertificateDetail {
    const described = describeCertificate(new X509Certificate(row.certificate));
    return {
      CertificateArn: row.arn,
      ...described,
      Status: described.NotAfter!.getTime() < cloud.now() ? 'EXPIRED' : 'ISSUED',
      Type: 'IMPORTED',
      InUseBy: [],
      CreatedAt: new Date(row.createdAt),
      ImportedAt: new Date(row.importedAt),
      RenewalEligibility: 'INELIGIBLE',
    };
  }

  function summary(row: Row): model.CertificateSummary {
    const {
      CertificateArn,
      DomainName,
      SubjectAlternativeNames,
      Status,
      Type,
      KeyAlgorithm,
      NotBefore,
      NotAfter,
      ImportedAt,
    } = detail(row);
    return {
      CertificateArn,
      DomainName,
      SubjectAlternativeNameSummaries: SubjectAlternativeNames,
      Status,
      Type,
      KeyAlgorithm,
      InUse: false,
      NotBefore,
      NotAfter,
      ImportedAt,
    };
  }

  /**
   * Sends one event a day for each certificate near its end. As on AWS, the event names the common
   * name alone, and no tags.
   */
  function announceExpiry(): void {
    for (const row of all()) {
      const { NotAfter, DomainName } = detail(row);
      const days = Math.floor((NotAfter!.getTime() - cloud.now()) / dayMs);
      if (days < 0 || days > expiryEventDays || cloud.now() - row.announcedAt < dayMs) continue;
      cloud.service<EventsService>('events').publishServiceEvent({
        source: 'aws.acm',
        'detail-type': 'ACM Certificate Approaching Expiration',
        resources: [row.arn],
        detail: { DaysToExpiry: days, CommonName: DomainName },
      });
      announced.run(cloud.now(), row.arn);
    }
  }

  return {
    name: 'acm',
    model,
    client: 'ACMClient',
    operations: {
      ImportCertificate: importCertificate,
      DescribeCertificate: (input: model.DescribeCertificateCommandInput, call: Call) => ({
        Certificate: detail(open('DescribeCertificate', input.CertificateArn!, call)),
      }),
      GetCertificate(input: model.GetCertificateCommandInput, call: Call) {
        const row = open('GetCertificate', input.CertificateArn!, call);
        return { Certificate: row.certificate, CertificateChain: row.chain ?? undefined };
      },
      ListCertificates(input: model.ListCertificatesCommandInput, call: Call) {
        refuseOthers('ListCertificates', input, ['MaxItems', 'NextToken', 'Includes']);
        refuseOthers('ListCertificates with Includes', input.Includes ?? {}, ['keyTypes']);
        call.authorize('acm:ListCertificates', '*');
        const from = Number(input.NextToken ?? 0);
        const to = from + (input.MaxItems ?? 1_000);
        const types = input.Includes?.keyTypes ?? listedByDefault;
        const rows = all().filter(row => types.includes(detail(row).KeyAlgorithm!));
        return {
          CertificateSummaryList: rows.slice(from, to).map(summary),
          NextToken: to < rows.length ? String(to) : undefined,
        };
      },
      ListTagsForCertificate(input: model.ListTagsForCertificateCommandInput, call: Call) {
        const { tags } = open('ListTagsForCertificate', input.CertificateArn!, call);
        return {
          Tags: Object.entries(JSON.parse(tags) as Record<string, string>).map(([Key, Value]) => ({ Key, Value })),
        };
      },
      DeleteCertificate(input: model.DeleteCertificateCommandInput, call: Call) {
        remove.run(open('DeleteCertificate', input.CertificateArn!, call).arn);
        return {};
      },
    },
    start() {
      timer = setInterval(announceExpiry, lookEveryMs);
      announceExpiry();
    },
    stop: () => clearInterval(timer),
  };
}

function tagContext(row: Row | undefined): ConditionContext {
  const tags = Object.entries(JSON.parse(row?.tags ?? '{}') as Record<string, string>);
  return Object.fromEntries(tags.map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

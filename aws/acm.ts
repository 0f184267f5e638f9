/**
 * AWS Certificate Manager: imports certificates for services that cannot take a certificate from
 * us.
 */
import {
  ACMClient,
  DeleteCertificateCommand,
  ImportCertificateCommand,
  KeyAlgorithm,
  LimitExceededException,
  ListTagsForCertificateCommand,
  paginateListCertificates,
  ResourceInUseException,
  ResourceNotFoundException,
} from '@aws-sdk/client-acm';
import { SealpostError } from '../core/errors.ts';
import { unlessBusy } from './throttling.ts';
import type { CertificateManager } from '../core/ports/certificate-manager.ts';

/**
 * Tags of an imported certificate: the stack and the domain. ImportToAcm has rights only on
 * certificates with the stack's tag.
 */
export const STACK_TAG = 'sealpost:stack';
export const DOMAIN_TAG = 'sealpost:domain';

interface Imported {
  arn: string;
  domain: string;
}

export interface Clients {
  acm: ACMClient;
  /**
   * Makes one attempt. If the answer to a first import is lost, a second attempt of the SDK would
   * make a second certificate, which nobody knows and which counts for the quotas. The step's retry
   * searches for the first one instead.
   */
  firstImports: ACMClient;
}

export function certificateManager({ acm: client, firstImports }: Clients, stack: string): CertificateManager {
  /** @returns undefined if there is no such certificate */
  const tagsOf = async ({ arn, domain }: Imported): Promise<Map<string, string> | undefined> => {
    try {
      const list = new ListTagsForCertificateCommand({ CertificateArn: arn });
      const { Tags = [] } = await called(domain, () => client.send(list));
      return new Map(Tags.map(({ Key, Value }) => [Key!, Value ?? '']));
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  };
  const isOurs = (tags: Map<string, string>, domain: string) =>
    tags.get(STACK_TAG) === stack && tags.get(DOMAIN_TAG) === domain;
  /**
   * The tags are read first, because the rights depend on the stack's tag: for a certificate that
   * is gone, or has lost its tags, the call itself would only be denied.
   */
  const isThere = async ({ arn, domain }: Imported): Promise<boolean> => {
    const tags = await tagsOf({ arn, domain });
    if (tags && !isOurs(tags, domain))
      throw new SealpostError('ImportRefused', {
        about: domain,
        message: `the certificate ${arn} in ACM has lost its tags; give it ${STACK_TAG}=${stack} and ${DOMAIN_TAG}=${domain} again`,
      });
    return tags !== undefined;
  };

  return {
    async import({ domain, arn, keyPem, chainPem }) {
      if (arn !== undefined && !(await isThere({ arn, domain }))) return undefined;
      const end = chainPem.indexOf(END) + END.length;
      const chain = chainPem.slice(end).trim();
      const certificate = {
        Certificate: bytes(chainPem.slice(0, end)),
        PrivateKey: bytes(keyPem),
        ...(chain !== '' && { CertificateChain: bytes(chain) }),
      };
      // ACM accepts tags with the first import only.
      const place = arn === undefined ? { Tags: tagsFor({ stack, domain }) } : { CertificateArn: arn };
      const asked = new ImportCertificateCommand({ ...certificate, ...place });
      const by = arn === undefined ? firstImports : client;
      return (await called(domain, () => by.send(asked))).CertificateArn!;
    },

    async find({ domain, name }) {
      // Without key types ACM lists RSA certificates only, and ours are P-256.
      const list = { Includes: { keyTypes: Object.values(KeyAlgorithm) } };
      return called(domain, async () => {
        for await (const { CertificateSummaryList = [] } of paginateListCertificates({ client }, list))
          for (const { CertificateArn, Type, SubjectAlternativeNameSummaries = [] } of CertificateSummaryList) {
            if (Type !== 'IMPORTED' || !SubjectAlternativeNameSummaries.includes(name)) continue;
            const tags = await tagsOf({ arn: CertificateArn!, domain });
            if (tags && isOurs(tags, domain)) return CertificateArn;
          }
        return undefined;
      });
    },

    async remove({ domain, arn }) {
      if (await isThere({ arn, domain }))
        await called(domain, () => client.send(new DeleteCertificateCommand({ CertificateArn: arn })));
    },
  };
}

/** Errors that no retry mends: the certificate, or the tags that the account's policies allow. */
const REFUSALS = new Set([
  'InvalidParameterException',
  'InvalidTagException',
  'TagPolicyException',
  'TooManyTagsException',
  'ValidationException',
]);
const END = '-----END CERTIFICATE-----';
const bytes = (text: string) => new TextEncoder().encode(`${text.trim()}\n`);
const tagsFor = ({ stack, domain }: { stack: string; domain: string }) => [
  { Key: STACK_TAG, Value: stack },
  { Key: DOMAIN_TAG, Value: domain },
];

/** @throws SealpostError ImportQuotaSpent, ImportInUse, ImportRefused, Throttled */
function called<T>(domain: string, call: () => Promise<T>): Promise<T> {
  return unlessBusy('ACM', domain, async () => {
    try {
      return await call();
    } catch (error) {
      throw named(error, domain);
    }
  });
}

/**
 * This comes before the check for throttling: ACM's LimitExceededException is a quota of the
 * account, and no retry within seconds gives quota back.
 */
function named(error: unknown, domain: string): unknown {
  const { message } = error as Error;
  if (error instanceof LimitExceededException) {
    const text = `ACM imports no more certificates in this account, so ${domain} is not in it`;
    return new SealpostError('ImportQuotaSpent', { about: domain, message: `${text}: ${message}`, cause: error });
  }
  if (error instanceof ResourceInUseException) {
    const text = `the certificate of ${domain} in ACM is in use, and is left there`;
    return new SealpostError('ImportInUse', { about: domain, message: `${text}: ${message}`, cause: error });
  }
  if (!REFUSALS.has((error as Error).name)) return error;
  const text = `ACM does not take the certificate of ${domain}`;
  return new SealpostError('ImportRefused', { about: domain, message: `${text}: ${message}`, cause: error });
}

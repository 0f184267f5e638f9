/**
 * What our code may do in the account: one row a function, with every right that the function has.
 * lib/rights.ts spells each right out. The local provider enforces the rights on every call, as AWS
 * does.
 */
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { FunctionName } from './function-names.ts';
import type { rights } from './rights.ts';

/**
 * Names of the stack's resources and of their paths. Settings are given to functions by
 * lib/settings.ts.
 */
export type Variable =
  | 'STACK'
  | 'TABLE'
  | 'CERTIFICATE_BUCKET'
  | 'DELIVERY_BUCKET'
  | 'DELIVERY_BUCKET_URL'
  | 'KEY'
  | 'BUS'
  | 'DOCUMENT'
  | 'MAIL_SERVER_ROLE'
  | 'SECURE_DOMAIN'
  | 'DELIVER_TO_SERVER'
  | 'ISSUER_PARAMETERS';

export interface Row {
  /**
   * MB. A function that opens TLS to the CA or parses certificates gets more, because CPU grows
   * with memory.
   */
  memory: number;
  /** Seconds; much less than the lease of an hour. */
  timeout: number;
  /** What is in the environment beside the settings. */
  variables: readonly Variable[];
  rights: iam.PolicyStatement[];
  /**
   * What invokes the function, if no state does. AWS sends an event once: an event that fails three
   * times is a dead letter. A schedule's call is not repeated, because the next one does the same.
   */
  woken?: 'by an event' | 'by a schedule';
}

/** One row a function. */
export function rows(may: ReturnType<typeof rights>): Record<FunctionName, Row> {
  const machines = ['SECURE_DOMAIN', 'DELIVER_TO_SERVER'] as const;
  return {
    RegisterServer: {
      memory: 256,
      // A server that is retired gives work to each of its domains, 10,000 at most.
      timeout: 300,
      variables: ['TABLE', 'MAIL_SERVER_ROLE', 'STACK', ...machines],
      rights: [
        may.items(['GetItem', 'UpdateItem'], { of: ['domain', 'server', 'node'] }),
        may.items(['PutItem', 'DeleteItem', 'Query'], { of: ['server'] }),
        may.describeNodes(),
        may.readRoles(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    ClaimDomain: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE', 'BUS', 'CERTIFICATE_BUCKET', 'ISSUER_PARAMETERS', ...machines],
      rights: [
        may.items(['GetItem', 'UpdateItem'], { of: ['domain', 'server', 'issuer'] }),
        may.items(['DeleteItem'], { of: ['domain', 'server'] }),
        may.items(['PutItem'], { of: ['server'] }),
        may.items(['ConditionCheckItem'], { of: ['domain'] }),
        may.certificates('DeleteObject'),
        ...may.findZones(),
        ...may.changeTxt(),
        may.putEvents(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    CreateOrder: {
      memory: 512,
      timeout: 60,
      variables: ['TABLE', 'ISSUER_PARAMETERS', 'KEY'],
      rights: [
        may.items(['UpdateItem'], { of: ['domain', 'issuer'] }),
        may.items(['GetItem'], { of: ['issuer'] }),
        may.accountKey('GetParameter', 'PutParameter'),
        may.accountKeyCipher('Encrypt', 'Decrypt'),
        may.externalAccount('GetParameter'),
        may.externalAccountCipher('Decrypt'),
      ],
    },
    PublishChallenges: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE'],
      rights: [may.items(['UpdateItem'], { of: ['domain'] }), ...may.changeTxt()],
    },
    Validate: {
      memory: 512,
      timeout: 60,
      variables: ['TABLE', 'ISSUER_PARAMETERS', 'KEY'],
      rights: [
        may.items(['UpdateItem'], { of: ['domain'] }),
        may.items(['GetItem'], { of: ['issuer'] }),
        may.accountKey('GetParameter'),
        may.accountKeyCipher('Decrypt'),
      ],
    },
    FinalizeOrder: {
      memory: 512,
      timeout: 60,
      variables: ['TABLE', 'CERTIFICATE_BUCKET', 'ISSUER_PARAMETERS', 'KEY'],
      rights: [
        may.items(['UpdateItem'], { of: ['domain', 'server'] }),
        may.items(['GetItem'], { of: ['server', 'issuer'] }),
        may.items(['PutItem'], { of: ['server'] }),
        may.accountKey('GetParameter'),
        may.accountKeyCipher('Decrypt'),
        may.certificates('GetObject', 'PutObject'),
        may.certificateCipher('GenerateDataKey', 'Decrypt'),
        may.seeWhatIsGone(),
      ],
    },
    ReleaseDomain: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE', 'BUS', ...machines],
      rights: [
        may.items(['UpdateItem'], { of: ['domain', 'server'] }),
        may.items(['GetItem'], { of: ['server'] }),
        ...may.changeTxt(),
        may.putEvents(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    ImportToAcm: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE', 'CERTIFICATE_BUCKET', 'STACK', 'BUS', ...machines],
      rights: [
        may.items(['UpdateItem'], { of: ['domain', 'acm'] }),
        may.items(['GetItem'], { of: ['server', 'acm'] }),
        may.items(['PutItem', 'DeleteItem', 'Query'], { of: ['acm'] }),
        may.certificates('GetObject'),
        may.certificateCipher('Decrypt'),
        may.seeWhatIsGone(),
        ...may.importToAcm(),
        may.putEvents(),
        may.start('secure-domain'),
      ],
    },
    RevokeCertificate: {
      memory: 512,
      timeout: 60,
      variables: ['TABLE', 'CERTIFICATE_BUCKET', 'BUS', 'ISSUER_PARAMETERS', 'KEY', ...machines],
      rights: [
        may.items(['UpdateItem'], { of: ['domain'] }),
        may.items(['GetItem'], { of: ['issuer'] }),
        may.accountKey('GetParameter'),
        may.accountKeyCipher('Decrypt'),
        ...may.readChains(),
        may.seeWhatIsGone(),
        may.putEvents(),
        may.start('secure-domain'),
      ],
    },
    ParkDomain: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE', 'BUS', 'STACK', 'ISSUER_PARAMETERS', ...machines],
      rights: [
        may.items(['UpdateItem'], { of: ['domain', 'issuer'] }),
        may.items(['GetItem'], { of: ['server', 'issuer'] }),
        may.items(['PutItem'], { of: ['server'] }),
        ...may.changeTxt(),
        may.putEvents(),
        // An execution for the next issuer, if the first issuer failed for reasons of its own.
        may.start('secure-domain'),
      ],
    },
    AssembleDelivery: {
      memory: 512,
      timeout: 120,
      variables: ['TABLE', 'CERTIFICATE_BUCKET', 'DELIVERY_BUCKET'],
      rights: [
        may.items(['GetItem', 'UpdateItem'], { of: ['domain', 'server'] }),
        may.items(['Query'], { of: ['server'] }),
        may.readRoles(),
        may.certificates('GetObject'),
        may.certificateCipher('Decrypt'),
        may.seeWhatIsGone(),
        may.deliveries(['PutObject'], { of: ['deliveries/*', 'manifests/*', 'installers/*'] }),
        may.deliveryCipher(['GenerateDataKey'], { of: ['deliveries/*', 'manifests/*', 'installers/*'] }),
        may.deliveries(['GetObject'], { of: ['manifests/*'] }),
        may.deliveryCipher(['Decrypt'], { of: ['manifests/*'] }),
      ],
    },
    SendDelivery: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE', 'DOCUMENT', 'DELIVERY_BUCKET_URL', 'STACK', ...machines],
      rights: [
        may.items(['UpdateItem'], { of: ['server'] }),
        may.items(['GetItem', 'PutItem'], { of: ['token'] }),
        ...may.sendCommand(),
        may.readCommands(),
        may.sendTaskSuccess(),
      ],
    },
    RecordDelivery: {
      // An audit of 10,000 rows may find all of them drifted, and gives each of them again.
      memory: 1024,
      timeout: 120,
      variables: ['TABLE', 'CERTIFICATE_BUCKET', 'DELIVERY_BUCKET', 'BUS', 'STACK', ...machines],
      rights: [
        may.items(['GetItem'], { of: ['domain', 'server'] }),
        may.items(['UpdateItem'], { of: ['domain', 'server', 'outside'] }),
        may.items(['PutItem', 'Query'], { of: ['server'] }),
        may.items(['DeleteItem'], { of: ['server', 'token'] }),
        may.items(['ConditionCheckItem'], { of: ['domain'] }),
        may.certificates('DeleteObject'),
        may.deliveries(['GetObject'], { of: ['manifests/*'] }),
        may.deliveries(['DeleteObject'], { of: ['deliveries/*'] }),
        may.deliveryCipher(['Decrypt'], { of: ['manifests/*'] }),
        may.readCommands(),
        may.putEvents(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    ReleaseServer: {
      memory: 256,
      timeout: 30,
      variables: ['TABLE', 'BUS'],
      rights: [
        may.items(['UpdateItem', 'Query'], { of: ['server'] }),
        may.items(['DeleteItem'], { of: ['token'] }),
        may.putEvents(),
      ],
    },
    OnCommandStatus: {
      memory: 256,
      timeout: 30,
      variables: ['TABLE', 'STACK', ...machines],
      rights: [may.items(['GetItem'], { of: ['token'] }), may.readCommands(), may.sendTaskSuccess()],
      woken: 'by an event',
    },
    OnAcmExpiry: {
      memory: 256,
      timeout: 30,
      variables: ['TABLE', 'STACK', ...machines],
      rights: [
        may.items(['GetItem'], { of: ['domain', 'acm'] }),
        may.items(['UpdateItem'], { of: ['domain'] }),
        may.start('secure-domain'),
      ],
      woken: 'by an event',
    },
    Sweep: {
      memory: 256,
      timeout: 60,
      variables: ['TABLE', 'STACK', ...machines],
      rights: [
        may.items(['GetItem'], { of: ['server', 'token'] }),
        may.items(['UpdateItem'], { of: ['server'] }),
        may.items(['DeleteItem'], { of: ['token'] }),
        may.dueIndex(),
        may.readCommands(),
        may.sendTaskSuccess(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
      woken: 'by a schedule',
    },
    LookFromOutside: {
      memory: 512,
      timeout: 290,
      variables: ['TABLE', 'BUS', 'STACK'],
      // The function speaks TLS with strangers, so it writes what it saw and nothing else. What
      // follows from that, the function Audit asks for.
      rights: [
        may.items(['GetItem'], { of: ['server'] }),
        may.items(['Query'], { of: ['server', 'outside'] }),
        may.items(['PutItem', 'DeleteItem'], { of: ['outside'] }),
        may.putEvents('Endpoints Unverified'),
        may.askAudits(),
      ],
      woken: 'by a schedule',
    },
    LastGuard: {
      memory: 256,
      // 5,000 endings, each with its item and its domain's item.
      timeout: 120,
      variables: ['TABLE', 'BUS'],
      rights: [
        may.items(['GetItem'], { of: ['domain', 'server', 'foreign', 'page'] }),
        may.items(['PutItem'], { of: ['page'] }),
        may.items(['DeleteItem'], { of: ['foreign'] }),
        may.dueIndex(),
        may.putEvents('Served Certificate Approaching Expiration'),
      ],
      woken: 'by a schedule',
    },
    Audit: {
      memory: 256,
      timeout: 30,
      variables: ['TABLE', ...machines],
      rights: [
        may.items(['GetItem'], { of: ['server'] }),
        may.items(['UpdateItem'], { of: ['server', 'outside'] }),
        may.items(['PutItem', 'Query'], { of: ['outside'] }),
        may.start('deliver-to-server'),
      ],
    },
    ReadRenewalInfo: {
      memory: 256,
      timeout: 58,
      variables: ['TABLE', 'ISSUER_PARAMETERS'],
      rights: [
        may.items(['GetItem'], { of: ['walk'] }),
        may.items(['UpdateItem'], { of: ['domain', 'walk'] }),
        may.dueIndex(),
      ],
      woken: 'by a schedule',
    },
    Renew: {
      memory: 256,
      // 500 domains at most, three writes each.
      timeout: 120,
      variables: ['TABLE', ...machines],
      rights: [
        may.items(['GetItem'], { of: ['domain', 'server'] }),
        may.items(['UpdateItem'], { of: ['domain'] }),
        may.items(['Query'], { of: ['server'] }),
        may.dueIndex(),
        may.start('secure-domain'),
      ],
    },
  };
}

/**
 * One row a function: its memory, its time, its settings, and every right that it has. This page is the whole of what
 * our code may do in the account; the local provider enforces it on every call.
 */
import { ArnFormat, Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Bundle } from './bundles.ts';
import { functionNames, kebab, type FunctionName } from './function-names.ts';
import type { MailServers } from './mail-servers.ts';
import { acknowledgeWide, wide } from './nag.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage.ts';

export interface Parts {
  storage: Storage;
  settings: Settings;
  mailServers: MailServers;
  busArn: string;
  busName: string;
  deadLetters: sqs.Queue;
}

interface Row {
  /** MB. The ones that open TLS to the CA or parse certificates get more CPU with it. */
  memory: number;
  /** Seconds; well under the lease of an hour. */
  timeout: number;
  settings: string[];
  rights: iam.PolicyStatement[];
  /** Woken by an event, not by a state: what fails three times goes to the dead letters. */
  woken?: true;
}

function rows(stack: Stack, parts: Parts): Record<FunctionName, Row> {
  const may = rights(stack, parts);
  const issuer = ['ISSUERS', 'ACME_CONTACT', 'ACME_TERMS_AGREED', 'ISSUER_PARAMETERS', 'ROOTS'];
  const acme = [...issuer, 'KEY'];
  const roads = ['SECURE_DOMAIN', 'DELIVER_TO_SERVER'];
  return {
    RegisterServer: {
      memory: 256,
      // One that is retired tells each of its domains, 10,000 at the most.
      timeout: 300,
      settings: ['TABLE', 'MAIL_SERVER_ROLE', 'STACK', ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem', 'DeleteItem', 'Query'),
        may.describeNodes(),
        may.readRoles(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    ClaimDomain: {
      memory: 256,
      timeout: 60,
      settings: [
        'TABLE',
        'BUS',
        'CERTIFICATE_BUCKET',
        'CHALLENGE_ZONE_ID',
        'CHALLENGE_ZONE_NAME',
        'RESOLVERS',
        ...issuer,
        ...roads,
      ],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem', 'DeleteItem', 'ConditionCheckItem'),
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
      settings: ['TABLE', ...acme],
      rights: [
        may.table('GetItem', 'UpdateItem'),
        may.accountKey('GetParameter', 'PutParameter'),
        may.accountKeyCipher('Encrypt', 'Decrypt'),
        may.externalAccount('GetParameter'),
        may.externalAccountCipher('Decrypt'),
      ],
    },
    PublishChallenges: {
      memory: 256,
      timeout: 60,
      settings: ['TABLE', 'DNS_PROPAGATION_SECONDS'],
      rights: [may.table('UpdateItem'), ...may.changeTxt()],
    },
    Validate: {
      memory: 512,
      timeout: 60,
      settings: ['TABLE', 'RESOLVERS', ...acme],
      rights: [may.table('GetItem', 'UpdateItem'), may.accountKey('GetParameter'), may.accountKeyCipher('Decrypt')],
    },
    FinalizeOrder: {
      memory: 512,
      timeout: 60,
      settings: ['TABLE', 'CERTIFICATE_BUCKET', 'QUIET_HOURS', 'RESOLVERS', ...acme],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem'),
        may.accountKey('GetParameter'),
        may.accountKeyCipher('Decrypt'),
        may.certificates('GetObject', 'PutObject'),
        may.certificateCipher('GenerateDataKey', 'Decrypt'),
      ],
    },
    ReleaseDomain: {
      memory: 256,
      timeout: 60,
      settings: ['TABLE', 'BUS', ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem'),
        ...may.changeTxt(),
        may.putEvents(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    ImportToAcm: {
      memory: 256,
      timeout: 60,
      settings: ['TABLE', 'CERTIFICATE_BUCKET', 'STACK', 'BUS', 'ACM_CERTIFICATES', 'ACM_IMPORTS_A_YEAR', ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem', 'DeleteItem', 'Query'),
        may.certificates('GetObject'),
        may.certificateCipher('Decrypt'),
        ...may.importToAcm(),
        may.putEvents(),
        may.start('secure-domain'),
      ],
    },
    RevokeCertificate: {
      memory: 512,
      timeout: 60,
      settings: ['TABLE', 'CERTIFICATE_BUCKET', 'BUS', ...acme, ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem'),
        may.accountKey('GetParameter'),
        may.accountKeyCipher('Decrypt'),
        ...may.readChains(),
        may.putEvents(),
        may.start('secure-domain'),
      ],
    },
    ParkDomain: {
      memory: 256,
      timeout: 60,
      settings: ['TABLE', 'BUS', 'STACK', ...issuer, ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem'),
        ...may.changeTxt(),
        may.putEvents(),
        // The next issuer, where the first one failed for reasons of its own.
        may.start('secure-domain'),
      ],
    },
    AssembleDelivery: {
      memory: 512,
      timeout: 120,
      settings: ['TABLE', 'CERTIFICATE_BUCKET', 'DELIVERY_BUCKET', 'ROOTS', 'QUIET_HOURS'],
      rights: [
        may.table('GetItem', 'UpdateItem', 'Query'),
        may.certificates('GetObject'),
        may.certificateCipher('Decrypt'),
        may.deliveries(['PutObject'], 'deliveries/*', 'manifests/*', 'installers/*'),
        may.deliveryCipher(['GenerateDataKey'], 'deliveries/*', 'manifests/*', 'installers/*'),
        may.deliveries(['GetObject'], 'manifests/*'),
        may.deliveryCipher(['Decrypt'], 'manifests/*'),
      ],
    },
    SendDelivery: {
      memory: 256,
      timeout: 60,
      settings: ['TABLE', 'DOCUMENT', 'DELIVERY_BUCKET_URL', 'STACK', ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem'),
        ...may.sendCommand(),
        may.readCommands(),
        may.sendTaskSuccess(),
      ],
    },
    RecordDelivery: {
      memory: 256,
      timeout: 120,
      settings: ['TABLE', 'CERTIFICATE_BUCKET', 'DELIVERY_BUCKET', 'BUS', 'STACK', ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem', 'PutItem', 'DeleteItem', 'ConditionCheckItem', 'Query'),
        may.certificates('DeleteObject'),
        may.deliveries(['GetObject'], 'manifests/*'),
        may.deliveries(['DeleteObject'], 'deliveries/*'),
        may.deliveryCipher(['Decrypt'], 'manifests/*'),
        may.readCommands(),
        may.putEvents(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
    },
    ReleaseServer: {
      memory: 256,
      timeout: 30,
      settings: ['TABLE', 'BUS', 'QUIET_HOURS'],
      rights: [may.table('UpdateItem', 'DeleteItem', 'Query'), may.putEvents()],
    },
    OnCommandStatus: {
      memory: 256,
      timeout: 30,
      settings: ['TABLE', 'STACK', ...roads],
      rights: [may.table('GetItem'), may.readCommands(), may.sendTaskSuccess()],
      woken: true,
    },
    OnAcmExpiry: {
      memory: 256,
      timeout: 30,
      settings: ['TABLE', 'STACK', ...roads],
      rights: [may.table('GetItem', 'UpdateItem'), may.start('secure-domain')],
      woken: true,
    },
    Sweep: {
      memory: 256,
      timeout: 60,
      settings: ['TABLE', 'STACK', ...roads],
      rights: [
        may.table('GetItem', 'UpdateItem'),
        may.dueIndex(),
        may.readCommands(),
        may.sendTaskSuccess(),
        may.start('secure-domain', 'deliver-to-server'),
      ],
      woken: true,
    },
    LookFromOutside: {
      memory: 512,
      timeout: 290,
      settings: ['TABLE', 'BUS', 'RESOLVERS', 'ROOTS', 'OUTSIDE_PORTS'],
      rights: [may.table('GetItem', 'UpdateItem', 'PutItem', 'DeleteItem', 'Query'), may.putEvents()],
      woken: true,
    },
    Audit: {
      memory: 256,
      timeout: 30,
      settings: ['TABLE', ...roads],
      rights: [may.table('GetItem', 'UpdateItem', 'PutItem', 'Query'), may.start('deliver-to-server')],
    },
    ReadRenewalInfo: {
      memory: 256,
      timeout: 58,
      settings: ['TABLE', 'RENEWAL_INFO_MINUTES', ...issuer],
      rights: [may.table('GetItem', 'UpdateItem'), may.dueIndex()],
      woken: true,
    },
    Renew: {
      memory: 256,
      // 500 domains, three writes each.
      timeout: 120,
      settings: ['TABLE', ...roads],
      rights: [may.table('GetItem', 'UpdateItem', 'Query'), may.dueIndex(), may.start('secure-domain')],
    },
  };
}

/** The rights by what they are for. Each names actions and the narrowest resource that they can be had for. */
function rights(stack: Stack, { storage, settings, mailServers, busArn }: Parts) {
  const allow = (
    actions: string[],
    resources: string[],
    conditions?: Record<string, Record<string, string | string[]>>,
  ) => new iam.PolicyStatement({ actions, resources, ...(conditions && { conditions }) });
  const { table, certificates, deliveries, key } = storage;
  const viaS3 = { 'kms:ViaService': `s3.${stack.region}.${stack.urlSuffix}` };
  const cipher = (actions: string[], objects: string[]) =>
    allow(
      actions.map(action => `kms:${action}`),
      [key.keyArn],
      { StringEquals: viaS3, StringLike: { 'kms:EncryptionContext:aws:s3:arn': objects } },
    );
  const parameter = (actions: string[], kind: string) =>
    wide(
      "Issuers are named by a parameter of the stack; the path is the stack's, and the kind of parameter is named.",
      allow(
        actions.map(action => `ssm:${action}`),
        [issuerParameterArn(stack, kind)],
      ),
    );
  const parameterCipher = (actions: string[], kind: string) =>
    allow(
      actions.map(action => `kms:${action}`),
      [key.keyArn],
      {
        StringEquals: { 'kms:ViaService': `ssm.${stack.region}.${stack.urlSuffix}` },
        StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': issuerParameterArn(stack, kind) },
      },
    );
  return {
    table: (...actions: string[]) =>
      allow(
        actions.map(action => `dynamodb:${action}`),
        [table.tableArn],
      ),
    dueIndex: () => allow(['dynamodb:Query'], [`${table.tableArn}/index/due`]),
    certificates: (...actions: string[]) =>
      wide(
        'Every domain has a prefix of its own under it; which domains there will be is not known at deploy.',
        allow(
          actions.map(action => `s3:${action}`),
          [certificates.arnForObjects('certificates/*')],
        ),
      ),
    certificateCipher: (...actions: string[]) => cipher(actions, [certificates.arnForObjects('certificates/*')]),
    /** What everybody is shown in a handshake; no key. */
    readChains: () => {
      const chains = certificates.arnForObjects('certificates/*/chain');
      return [
        wide(
          'Every domain has a prefix of its own; which domains there will be is not known at deploy.',
          allow(['s3:GetObject'], [chains]),
        ),
        cipher(['Decrypt'], [chains]),
      ];
    },
    /** New certificates with this stack's tag, and of those that are there only such. */
    importToAcm: () => {
      const any = stack.formatArn({ service: 'acm', resource: 'certificate', resourceName: '*' });
      const ours = (kind: 'Request' | 'Resource') => ({
        StringEquals: { [`aws:${kind}Tag/sealpost:stack`]: stack.stackName },
      });
      return [
        wide(
          'A certificate that is not there yet has no ARN; the condition asks for the tag that it is given.',
          allow(['acm:ImportCertificate', 'acm:AddTagsToCertificate'], [any], ours('Request')),
        ),
        wide(
          "ACM chooses the ARNs after the deploy; the condition leaves those with this stack's tag.",
          allow(['acm:ImportCertificate', 'acm:DeleteCertificate'], [any], ours('Resource')),
        ),
        wide(
          'Which of the certificates are ours is what their tags are read for.',
          allow(['acm:ListTagsForCertificate'], [any]),
        ),
        wide(
          'ListCertificates has no resource to name (service authorization reference of ACM).',
          allow(['acm:ListCertificates'], ['*']),
        ),
      ];
    },
    deliveries: (actions: string[], ...objects: string[]) =>
      wide(
        'Objects are named by server and by hash, which are not known at deploy; the kind of object is named.',
        allow(
          actions.map(action => `s3:${action}`),
          objects.map(object => deliveries.arnForObjects(object)),
        ),
      ),
    deliveryCipher: (actions: string[], ...objects: string[]) =>
      cipher(
        actions,
        objects.map(object => deliveries.arnForObjects(object)),
      ),
    accountKey: (...actions: string[]) => parameter(actions, 'account-key'),
    accountKeyCipher: (...actions: string[]) => parameterCipher(actions, 'account-key'),
    externalAccount: (...actions: string[]) => parameter(actions, 'external-account'),
    externalAccountCipher: (...actions: string[]) => parameterCipher(actions, 'external-account'),
    findZones: () => [
      wide(
        'ListHostedZonesByName has no resource to name (service authorization reference of Route 53).',
        allow(['route53:ListHostedZonesByName'], ['*']),
      ),
      wide(
        "Customers' own zones come and go after the deploy; a zone's name servers are public.",
        allow(['route53:GetHostedZone'], [`arn:${stack.partition}:route53:::hostedzone/*`]),
      ),
    ],
    /** TXT and nothing else: any name in the challenge zone, `_acme-challenge` in the customers' own zones. */
    changeTxt: () => {
      const txt = {
        'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
        'route53:ChangeResourceRecordSetsActions': ['CREATE', 'DELETE'],
      };
      const any = `arn:${stack.partition}:route53:::hostedzone/*`;
      return [
        wide(
          "Customers' own zones come and go after the deploy; what is in a public zone is public.",
          allow(['route53:ListResourceRecordSets'], [any]),
        ),
        allow(
          ['route53:ChangeResourceRecordSets'],
          [`arn:${stack.partition}:route53:::hostedzone/${settings.challengeZoneId}`],
          { 'ForAllValues:StringEquals': txt },
        ),
        wide(
          "Customers' own zones come and go after the deploy; the conditions leave TXT under _acme-challenge alone.",
          allow(['route53:ChangeResourceRecordSets'], [any], {
            'ForAllValues:StringEquals': txt,
            'ForAllValues:StringLike': {
              'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_acme-challenge.*'],
            },
          }),
        ),
      ];
    },
    /** The document, as it is read before, and of all managed nodes only those that carry this stack's tag. */
    sendCommand: () => [
      allow(['ssm:DescribeDocument', 'ssm:GetDocument', 'ssm:SendCommand'], [mailServers.documentArn]),
      wide(
        "Mail servers come and go after the deploy; the condition leaves those with this stack's tag.",
        allow(
          ['ssm:SendCommand'],
          [
            `arn:${stack.partition}:ssm:${stack.region}:${stack.account}:managed-instance/*`,
            `arn:${stack.partition}:ec2:${stack.region}:${stack.account}:instance/*`,
          ],
          { StringEquals: { 'ssm:resourceTag/sealpost:mail-server': stack.stackName } },
        ),
      ),
    ],
    readCommands: () =>
      wide(
        NO_SSM_RESOURCE,
        allow(['ssm:ListCommands', 'ssm:ListCommandInvocations', 'ssm:GetCommandInvocation'], ['*']),
      ),
    describeNodes: () => wide(NO_SSM_RESOURCE, allow(['ssm:DescribeInstanceInformation'], ['*'])),
    readRoles: () =>
      wide(
        'Which role a mail server runs with is known when it is registered; who may assume it is checked then.',
        allow(['iam:GetRole'], [`arn:${stack.partition}:iam::${stack.account}:role/*`]),
      ),
    start: (...names: string[]) =>
      allow(
        ['states:StartExecution'],
        names.map(name => machineArn(stack, name)),
      ),
    sendTaskSuccess: () => allow(['states:SendTaskSuccess'], [machineArn(stack, 'deliver-to-server')]),
    putEvents: () => allow(['events:PutEvents'], [busArn], { StringEquals: { 'events:source': 'sealpost' } }),
  };
}

const NO_SSM_RESOURCE = 'The action has no resource to name (service authorization reference of Systems Manager).';

/** By its name, not by reference: the machines name the functions, and the functions' rights and settings the machines. */
function machineArn(stack: Stack, name: string): string {
  return stack.formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: `${stack.stackName}-${name}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** Under the stack's own path, one of each kind an issuer. */
function issuerParameterArn(stack: Stack, kind: string): string {
  const resourceName = `${stack.stackName}/issuers/*/${kind}`;
  return stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName });
}

/** Every setting that a row may ask for. */
function environment(stack: Stack, { storage, settings, mailServers, busName }: Parts): Record<string, string> {
  return {
    STACK: stack.stackName,
    TABLE: storage.table.tableName,
    CERTIFICATE_BUCKET: storage.certificates.bucketName,
    DELIVERY_BUCKET: storage.deliveries.bucketName,
    KEY: storage.key.keyArn,
    BUS: busName,
    DOCUMENT: mailServers.documentName,
    DELIVERY_BUCKET_URL: mailServers.deliveryBucketUrl,
    MAIL_SERVER_ROLE: mailServers.roleName,
    SECURE_DOMAIN: machineArn(stack, 'secure-domain'),
    DELIVER_TO_SERVER: machineArn(stack, 'deliver-to-server'),
    ISSUERS: settings.issuers,
    ISSUER_PARAMETERS: `/${stack.stackName}/issuers`,
    ACME_CONTACT: settings.acmeContact,
    ACME_TERMS_AGREED: settings.acmeTermsAgreed,
    CHALLENGE_ZONE_ID: settings.challengeZoneId,
    CHALLENGE_ZONE_NAME: settings.challengeZoneName,
    RESOLVERS: settings.resolvers,
    ROOTS: settings.roots,
    DNS_PROPAGATION_SECONDS: settings.dnsPropagationSeconds,
    QUIET_HOURS: settings.quietHours,
    OUTSIDE_PORTS: settings.outsidePorts,
    RENEWAL_INFO_MINUTES: settings.renewalInfoMinutes,
    ACM_CERTIFICATES: settings.acmCertificates,
    ACM_IMPORTS_A_YEAR: settings.acmImportsAYear,
  };
}

/** The functions, each with a role and a log group of its own. */
export class Functions extends Construct {
  readonly byName: Record<FunctionName, lambda.Function>;
  /** The roles of those that put facts on the bus. */
  readonly speakers: iam.IRole[];

  constructor(scope: Construct, id: string, stack: Stack, parts: Parts, bundles: Record<string, Bundle>) {
    super(scope, id);
    const settings = environment(stack, parts);
    const table = rows(stack, parts);
    const make = (name: FunctionName) =>
      this.make(stack.stackName, name, table[name], settings, bundles[name]!, parts.deadLetters);
    this.byName = Object.fromEntries(functionNames.map(name => [name, make(name)])) as Record<
      FunctionName,
      lambda.Function
    >;
    const speaks = ({ actions }: iam.PolicyStatement) => actions.includes('events:PutEvents');
    this.speakers = functionNames.filter(name => table[name].rights.some(speaks)).map(name => this.byName[name].role!);
  }

  private make(
    stackName: string,
    name: FunctionName,
    row: Row,
    settings: Record<string, string>,
    bundle: Bundle,
    deadLetters: sqs.Queue,
  ): lambda.Function {
    const functionName = `${stackName}-${kebab(name)}`;
    const logGroup = new logs.LogGroup(this, `${name}Logs`, {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, `${name}Role`, {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${functionName} may do; its row is in lib/functions.ts`,
      inlinePolicies: {
        rights: new iam.PolicyDocument({
          statements: [
            ...row.rights,
            new iam.PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [logGroup.logGroupArn],
            }),
            ...(row.woken
              ? [new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] })]
              : []),
          ],
        }),
      },
    });
    acknowledgeWide(role, row.rights);
    return new lambda.Function(this, name, {
      functionName,
      description: `sealpost: ${name}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(bundle.directory),
      memorySize: row.memory,
      timeout: Duration.seconds(row.timeout),
      role: role.withoutPolicyUpdates(),
      logGroup,
      environment: Object.fromEntries(row.settings.map(name => [name, settings[name]!])),
      ...(row.woken && { deadLetterQueue: deadLetters }),
    });
  }
}

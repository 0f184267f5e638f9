/**
 * Each right by its purpose: the actions, and the narrowest resource that IAM can name for them.
 * lib/functions.ts says which function has which right.
 */
import { ArnFormat, type Stack } from 'aws-cdk-lib';
import { KINDS, type Kind } from '../aws/keys.ts';
import { kebab, type FunctionName } from './function-names.ts';
import type { MailServers } from './mail-servers.ts';
import { wide } from './nag.ts';
import type { Settings } from './parameters.ts';
import { allow, named, present, speakAsSealpost } from './statements.ts';
import type { Storage } from './storage.ts';
import type { Right } from './why.ts';

export interface Resources {
  /** With it the names of the resources begin. */
  name: string;
  storage: Storage;
  settings: Settings;
  mailServers: MailServers;
  busArn: string;
}

type ItemAction = 'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'ConditionCheckItem' | 'Query';
type Machine = 'secure-domain' | 'register-server' | 'deliver-to-server';

const NO_SSM_RESOURCE =
  'IAM has no resource to name for this action (service authorization reference of Systems Manager).';

export function rights(stack: Stack, { name, storage, settings, mailServers, busArn }: Resources) {
  const { table, certificates, deliveries, key } = storage;
  const through = (service: 's3' | 'ssm') => ({ 'kms:ViaService': `${service}.${stack.region}.${stack.urlSuffix}` });
  const cipher = (right: Right, actions: string[], { of }: { of: string[] }) =>
    allow(right, named('kms', actions), {
      on: [key.keyArn],
      where: { StringEquals: through('s3'), StringLike: { 'kms:EncryptionContext:aws:s3:arn': of } },
    });
  const certificate = certificates.arnForObjects('certificates/*');
  const chain = certificates.arnForObjects('certificates/*/chain');
  const ofIssuers = (kind: 'account-key' | 'external-account') => {
    const [right, ofKms] = (
      kind === 'account-key' ? ['AccountKey', 'AccountKeyCipher'] : ['ExternalAccount', 'ExternalAccountCipher']
    ) as [Right, Right];
    const resourceName = `${name}/issuers/*/${kind}`;
    const arn = stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName });
    return {
      parameter: (...actions: string[]) =>
        wide(
          "A parameter of the stack names the issuers. The path is the stack's, and the kind of parameter is named.",
          allow(right, named('ssm', actions), { on: [arn] }),
        ),
      cipher: (...actions: string[]) =>
        allow(ofKms, named('kms', actions), {
          on: [key.keyArn],
          where: { StringEquals: through('ssm'), StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': arn } },
        }),
    };
  };
  const [accountKey, externalAccount] = [ofIssuers('account-key'), ofIssuers('external-account')];
  const anyZone = `arn:${stack.partition}:route53:::hostedzone/*`;
  const txtOnly = {
    'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
    'route53:ChangeResourceRecordSetsActions': ['CREATE', 'DELETE'],
  };
  const names = { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_acme-challenge.*'] };
  return {
    /**
     * A right on items of these kinds. The key is there in each call that is made here, and has one
     * value or, in a transaction, that of each operation (DynamoDB developer guide, "Using IAM
     * policy conditions for fine-grained access control").
     */
    items: (actions: ItemAction[], { of }: { of: Kind[] }) => {
      const keys = { 'dynamodb:LeadingKeys': of.map(kind => KINDS[kind]) };
      return allow('Items', named('dynamodb', actions), {
        on: [table.tableArn],
        where: { 'ForAllValues:StringLike': keys, Null: present(keys) },
      });
    },
    /**
     * The index finds items of every kind by their due time. Its leading key is the shard, which is
     * no item's key, so a condition on it would keep nobody from an item.
     */
    dueIndex: () => allow('DueIndex', ['dynamodb:Query'], { on: [`${table.tableArn}/index/due`] }),
    certificates: (...actions: string[]) =>
      wide(
        'Each domain has its own prefix under this one. The domains are not known at the deploy.',
        allow('Certificates', named('s3', actions), { on: [certificate] }),
      ),
    /** An object is gone: S3 tells this to a caller that may list the bucket, and denies others. */
    seeWhatIsGone: () => allow('SeeWhatIsGone', ['s3:ListBucket'], { on: [certificates.bucketArn] }),
    certificateCipher: (...actions: string[]) => cipher('CertificateCipher', actions, { of: [certificate] }),
    /** The chains, which every handshake shows; no key. */
    readChains: () => [
      wide(
        'Each domain has its own prefix. The domains are not known at the deploy.',
        allow('Chains', ['s3:GetObject'], { on: [chain] }),
      ),
      cipher('ChainCipher', ['Decrypt'], { of: [chain] }),
    ],
    /**
     * Imports new certificates with this stack's tag; replaces and deletes only certificates that
     * have the tag.
     */
    importToAcm: () => {
      const any = stack.formatArn({ service: 'acm', resource: 'certificate', resourceName: '*' });
      const ours = (kind: 'Request' | 'Resource') => ({
        StringEquals: { [`aws:${kind}Tag/sealpost:stack`]: name },
      });
      return [
        wide(
          'A certificate has no ARN before the import. The condition asks for the tag that the import gives.',
          allow('AcmImportNew', ['acm:ImportCertificate', 'acm:AddTagsToCertificate'], {
            on: [any],
            where: ours('Request'),
          }),
        ),
        wide(
          "ACM chooses the ARNs after the deploy. The condition permits only certificates with this stack's tag.",
          allow('AcmReplaceOurs', ['acm:ImportCertificate', 'acm:DeleteCertificate'], {
            on: [any],
            where: ours('Resource'),
          }),
        ),
        wide(
          "The function reads a certificate's tags to learn whether the certificate is ours.",
          allow('AcmReadTags', ['acm:ListTagsForCertificate'], { on: [any] }),
        ),
        wide(
          'IAM has no resource to name for ListCertificates (service authorization reference of ACM).',
          allow('AcmList', ['acm:ListCertificates'], { on: ['*'] }),
        ),
      ];
    },
    deliveries: (actions: string[], { of }: { of: string[] }) =>
      wide(
        'Objects are named by server and by hash, which are not known at the deploy. The kind of object is named.',
        allow('Deliveries', named('s3', actions), { on: of.map(object => deliveries.arnForObjects(object)) }),
      ),
    deliveryCipher: (actions: string[], { of }: { of: string[] }) =>
      cipher('DeliveryCipher', actions, { of: of.map(object => deliveries.arnForObjects(object)) }),
    accountKey: accountKey.parameter,
    accountKeyCipher: accountKey.cipher,
    externalAccount: externalAccount.parameter,
    externalAccountCipher: externalAccount.cipher,
    findZones: () => [
      wide(
        'IAM has no resource to name for ListHostedZonesByName (service authorization reference of Route 53).',
        allow('ZonesByName', ['route53:ListHostedZonesByName'], { on: ['*'] }),
      ),
      wide(
        "Customers' zones come and go after the deploy. A zone's name servers are public.",
        allow('ZoneNameServers', ['route53:GetHostedZone'], { on: [anyZone] }),
      ),
    ],
    /**
     * Changes TXT records only: any name in the challenge zone, `_acme-challenge` in the customers'
     * zones.
     */
    changeTxt: () => [
      wide(
        "Customers' zones come and go after the deploy. The content of a public zone is public.",
        allow('RecordsRead', ['route53:ListResourceRecordSets'], { on: [anyZone] }),
      ),
      allow('TxtInChallengeZone', ['route53:ChangeResourceRecordSets'], {
        on: [`arn:${stack.partition}:route53:::hostedzone/${settings.ChallengeZoneId}`],
        where: { 'ForAllValues:StringEquals': txtOnly, Null: present(txtOnly) },
      }),
      wide(
        "Customers' zones come and go after the deploy. The conditions permit only TXT records under _acme-challenge.",
        allow('TxtInCustomersZones', ['route53:ChangeResourceRecordSets'], {
          on: [anyZone],
          where: {
            'ForAllValues:StringEquals': txtOnly,
            'ForAllValues:StringLike': names,
            Null: present({ ...txtOnly, ...names }),
          },
        }),
      ),
    ],
    /**
     * Reads our document, which is compared before it is sent, and sends it to nodes that have this
     * stack's tag.
     */
    sendCommand: () => [
      allow('DocumentOurs', ['ssm:DescribeDocument', 'ssm:GetDocument', 'ssm:SendCommand'], {
        on: [mailServers.documentArn],
      }),
      wide(
        "Mail servers come and go after the deploy. The condition permits only nodes with this stack's tag.",
        allow('NodesOurs', ['ssm:SendCommand'], {
          on: [
            `arn:${stack.partition}:ssm:${stack.region}:${stack.account}:managed-instance/*`,
            `arn:${stack.partition}:ec2:${stack.region}:${stack.account}:instance/*`,
          ],
          where: { StringEquals: { 'ssm:resourceTag/sealpost:mail-server': name } },
        }),
      ),
    ],
    readCommands: () =>
      wide(
        NO_SSM_RESOURCE,
        allow('CommandsRead', ['ssm:ListCommands', 'ssm:ListCommandInvocations', 'ssm:GetCommandInvocation'], {
          on: ['*'],
        }),
      ),
    describeNodes: () =>
      wide(NO_SSM_RESOURCE, allow('NodesDescribe', ['ssm:DescribeInstanceInformation'], { on: ['*'] })),
    readRoles: () =>
      wide(
        "A mail server's role is known at the registration. Who may assume it is checked then, and again before each delivery.",
        allow('RolesRead', ['iam:GetRole'], { on: [`arn:${stack.partition}:iam::${stack.account}:role/*`] }),
      ),
    start: (...machines: Machine[]) =>
      allow('StartMachines', ['states:StartExecution'], {
        on: machines.map(machine => machineArn(machine, { stack, of: name })),
      }),
    sendTaskSuccess: () =>
      allow('ResumeTasks', ['states:SendTaskSuccess'], { on: [machineArn('deliver-to-server', { stack, of: name })] }),
    putEvents: (...only: string[]) => speakAsSealpost(busArn, only),
    askAudits: () => allow('AskAudits', ['lambda:InvokeFunction'], { on: [functionArn('Audit', { stack, of: name })] }),
  };
}

/** By name, not by reference: a function that invokes another one does not wait for its ARN. */
function functionArn(name: FunctionName, { stack, of }: { stack: Stack; of: string }): string {
  return stack.formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: `${of}-${kebab(name)}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/**
 * By name, not by reference: the machines refer to the functions, and the functions' rights to the
 * machines.
 */
export function machineArn(machine: Machine, { stack, of }: { stack: Stack; of: string }): string {
  return stack.formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: `${of}-${machine}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

import type { Kind } from '../aws/keys.ts';
import type { FunctionName } from './function-names.ts';

/**
 * Why a function has a right. Each statement's Sid begins with a name of this table;
 * docs/rights.md prints the reason beside the statement.
 */
export const WHY = {
  Items: 'The function needs this kind of record (`ITEMS`), and no other.',
  DueIndex:
    'Finds what is due, of every kind, by its time. The index holds keys, times and facts of certificates, and no key material. Its leading key is a shard, so no condition can narrow it to a kind.',
  Certificates:
    'The private keys and chains of domains, one object each. Reading serves a delivery, an import or a renewal with the same key; writing stores a new pair before the CSR leaves; deleting ends a superseded key.',
  CertificateCipher:
    "S3 asks KMS with the caller's right. The encryption context is the object's own ARN, so this right opens no delivery and no parameter.",
  SeeWhatIsGone: 'S3 tells a caller that an object is gone only if the caller may list the bucket.',
  Chains: 'The chain of a certificate that is to be revoked. Every handshake shows it; the key beside it stays closed.',
  ChainCipher: "The same for KMS: the encryption context ends at the chain, so the key's object cannot be opened.",
  AcmImportNew: 'Imports a certificate into ACM for the first time. The import must give it the tag of this stack.',
  AcmReplaceOurs: 'Replaces or deletes a certificate in ACM that has the tag of this stack, and no other.',
  AcmReadTags: 'Learns whether a certificate in ACM is ours, after a lost answer.',
  AcmList: 'Finds a certificate that was imported before the step was killed.',
  Deliveries:
    "The objects that a mail server downloads, each under the server's own prefix, with their manifests, and the installers.",
  DeliveryCipher: "The same for KMS: the encryption context is the object's own ARN.",
  AccountKey: "The stack's key at the CA (RFC 8555 §7.3), by which the CA knows our account.",
  AccountKeyCipher: "The same for KMS: the encryption context is the parameter's ARN.",
  ExternalAccount: 'What binds our account to a customer account of the CA (RFC 8555 §7.3.4). An operator stored it.',
  ExternalAccountCipher: "The same for KMS: the encryption context is the parameter's ARN.",
  ZonesByName: 'Finds the hosted zone of a customer, if it is in this account.',
  ZoneNameServers: "Compares the zone's name servers with those that the public DNS names.",
  RecordsRead: 'Reads a record set before it is changed, so that the values of others stay.',
  TxtInChallengeZone: 'Writes and removes TXT records in the challenge zone (RFC 8555 §8.4).',
  TxtInCustomersZones: 'Writes and removes TXT records named `_acme-challenge.…`, and nothing else in a zone.',
  DocumentOurs: 'Reads the SSM document, compares it with what was deployed, and sends it.',
  NodesOurs: "Sends the document to a node that has this stack's tag.",
  CommandsRead: 'Asks whether a command has ended, and with which answer.',
  NodesDescribe: 'Checks at the registration that the node is managed, and reads its platform and role.',
  RolesRead: "Checks who may assume the mail server's role: each such principal could read the server's keys.",
  StartMachines: 'Starts an execution for a domain or a server that has something to do.',
  ResumeTasks: 'Resumes the task that waits for a command, with the token of that task.',
  SpeakAsSealpost: 'Says on the bus what happened. The source is always `sealpost`.',
  AskAudits:
    'Asks the function Audit for the audit of a server. The function itself speaks TLS with strangers, so it may not write a server.',
  WriteLogs: "Writes into the function's own log group.",
  KeepDeadLetters: 'Keeps an event that failed three times.',
} as const;

export type Right = keyof typeof WHY;

/** Why a function needs a kind of item. */
export const ITEMS: Partial<Record<FunctionName, Partial<Record<Kind, string>>>> = {
  RegisterServer: {
    domain: "the wish for the server's own host name, and the domains that waited for the server",
    server: 'the registration, and the work that a registered or retired server is given',
    node: 'one node has one host name',
  },
  ClaimDomain: {
    domain: 'the wish, the claim and the plan; a domain that was deleted long ago is forgotten',
    server: 'what each server can do, the removals that are its work, and who waits for it',
    issuer: 'a slot in the budget of orders',
  },
  CreateOrder: {
    domain: 'the order is on record before it is used',
    issuer: 'our account at the CA, and a slot in the budget of orders',
  },
  PublishChallenges: { domain: 'the TXT values are on record before they are published' },
  Validate: { domain: 'the lease of the claim', issuer: 'our account at the CA' },
  FinalizeOrder: {
    domain: 'the certificate becomes the current one',
    server: 'work for each server, in the same transaction',
    issuer: 'our account at the CA',
  },
  ReleaseDomain: { domain: 'the end of the claim', server: 'wakes the servers that have work' },
  ImportToAcm: {
    domain: 'the end of the claim, and the copy in ACM',
    server: 'which of the servers serve by name',
    acm: 'ARNs that are ours, and how many imports this month had',
  },
  RevokeCertificate: { domain: 'what was revoked, and the end of the claim', issuer: 'our account at the CA' },
  ParkDomain: {
    domain: 'why the domain waits, and until when',
    server: 'whether the server that the domain waits for has come',
    issuer: "the issuer's trouble, and a slot in another issuer's budget",
  },
  AssembleDelivery: {
    domain: 'a domain whose key is gone is ordered anew',
    server: 'the claim, the counter of deliveries, and the work',
  },
  SendDelivery: { server: 'the claim, and the command', token: 'the token of its task' },
  RecordDelivery: {
    domain: 'what became of each domain of the delivery',
    server: 'what is installed, refused or removed, and what the server can do',
    token: 'the token is over',
    outside: 'the first outside check of a server is due',
  },
  ReleaseServer: { server: 'the end of the claim', token: 'the token is over' },
  OnCommandStatus: { token: 'the token of the task that waits for the command' },
  OnAcmExpiry: { domain: 'the domain is due now', acm: 'the domain of the ARN' },
  Sweep: { server: 'wakes the servers that are due', token: 'a delivery whose event was lost' },
  LookFromOutside: { server: 'what should be served, read only', outside: 'what was seen' },
  LastGuard: {
    domain: 'who renews it, read only',
    server: 'what is served, and who waits for whom, read only',
    foreign: 'a foreign certificate that has ended',
    page: 'one page a day',
  },
  Audit: { server: 'the audit is due now', outside: 'the outside check is due now' },
  ReadRenewalInfo: { domain: "the CA's advice when to renew", walk: 'how far the walk has come' },
  Renew: { domain: 'the renewal is due now', server: 'the domains of a server, read only' },
};

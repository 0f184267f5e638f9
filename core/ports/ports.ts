/** What the road needs from the outside, beside the table: each has an AWS implementation in `aws/` and an in-memory twin that passes the same suite. */
import type { Fact } from '../events/facts.ts';
import type { Looks, Manifest } from '../deliver-to-server/delivery.ts';

/** Private keys and chains; deliveries and installers. */
export interface CertificateObjects {
  /** Stores the key unless one is there. @returns the key that is stored, and whether it is this one */
  putKeyOnce(domain: string, id: string, keyPem: string): Promise<{ keyPem: string; isNew: boolean }>;
  putChain(domain: string, id: string, chainPem: string): Promise<void>;
  readKey(domain: string, id: string): Promise<string>;
  readChain(domain: string, id: string): Promise<string>;
  /** Takes both away; they are gone for good when the bucket's lifecycle says so. */
  remove(domain: string, id: string): Promise<void>;
}

export interface DeliveryObjects {
  putDelivery(prefix: string, hash: string, text: string): Promise<void>;
  putManifest(hash: string, manifest: Manifest): Promise<void>;
  readManifest(hash: string): Promise<Manifest>;
  putLooks(hash: string, looks: Looks): Promise<void>;
  readLooks(hash: string): Promise<Looks>;
  /** Takes a delivery away, whose keys nobody needs any more. */
  removeDelivery(prefix: string, hash: string): Promise<void>;
  /** Stores the installer under its hash unless it is there. */
  putInstaller(sha256: string, text: string): Promise<void>;
}

/** Bare values of a name that shall be there, and that shall be there no more. */
export interface TxtValues {
  recordName: string;
  add: string[];
  remove: string[];
}

export interface Zones {
  /**
   * The hosted zone that is the longest suffix of the name, with the name servers that Route 53 gave it. It may be
   * known from minutes ago, and one that was made or deleted since not yet; `anew` asks again.
   * @throws SealpostError Throttled
   */
  findZone(
    name: string,
    options?: { anew?: boolean },
  ): Promise<{ id: string; name: string; nameServers: string[] } | undefined>;
  /**
   * Adds and removes TXT values of several names of a zone in one change, keeping everybody else's: compare-and-swap on whole record sets.
   * A zone that is gone has nothing left to remove.
   * @throws SealpostError Throttled when record sets changed underfoot too often, or Route 53 is busy; DomainNotManaged when the zone to add to is gone
   */
  changeTxt(zoneId: string, values: TxtValues[]): Promise<void>;
}

export type CommandState = 'under way' | 'answered' | 'lost';

export interface Commands {
  /** A command that already carries this delivery. */
  find(node: string, delivery: string): Promise<string | undefined>;
  /** Which delivery a command carries. */
  deliveryOf(commandId: string): Promise<string | undefined>;
  /** What the command came to: `lost` when it ended without our installer having answered (not delivered, timed out, cancelled). */
  outcome(
    commandId: string,
    node: string,
  ): Promise<{ state: CommandState; output: string; exitCode?: number; detail: string }>;
  /** A managed node that carries this stack's tag, with its role where SSM knows it (hybrid nodes) and its platform where that is not Linux; undefined when there is none such. */
  node(node: string): Promise<{ roleName?: string; platform?: string } | undefined>;
}

export interface SendingCommands extends Commands {
  /** Sends the document to a node. @returns the command's id @throws SealpostError DocumentChanged, ServerUnreachable, Throttled */
  send(command: { node: string; delivery: string; installer: string; prefix: string; about: string }): Promise<string>;
}

/** AWS Certificate Manager, for what cannot take a certificate from us (load balancers, CloudFront). */
export interface CertificateManager {
  /**
   * Imports in place of what `arn` holds, or as a new certificate with this stack's and the domain's tag.
   * @returns the ARN; undefined where nothing is at `arn` any more
   * @throws SealpostError ImportQuotaSpent, ImportRefused, Throttled (ACM takes one import a second)
   */
  import(certificate: { domain: string; arn?: string; keyPem: string; chainPem: string }): Promise<string | undefined>;
  /** A certificate that was imported for this domain before. @param name one of its names */
  find(domain: string, name: string): Promise<string | undefined>;
  /** Deletes it; one that is gone is deleted. @throws SealpostError ImportInUse, Throttled */
  remove(domain: string, arn: string): Promise<void>;
}

/** SecureString parameters. */
export interface Secrets {
  read(name: string): Promise<string | undefined>;
  /** @returns the value that is stored: the given one, or the one that was there first */
  createOnce(name: string, value: string): Promise<string>;
}

export interface Bus {
  /** Puts facts of ours on the product's bus, `source` `sealpost`. */
  put(events: Fact[]): Promise<void>;
}

export interface Metrics {
  /** Counts one. @param outcome the one dimension @param facts what a person wants to know who looks what was counted */
  count(metric: string, outcome: string, facts: Record<string, string | undefined>): void;
}

export interface Executions {
  /** Starts an execution; one of that name that is there already is the same. */
  start(machine: 'secure-domain' | 'deliver-to-server', name: string, input: unknown): Promise<void>;
  /** Resumes a task; a token that is gone is ignored. */
  succeed(token: string, output: unknown): Promise<void>;
}

export interface Roles {
  /** @returns the role's unique id and who may assume it (service names and ARNs); undefined when there is no such role */
  role(name: string): Promise<{ roleId: string; trusted: string[] } | undefined>;
}

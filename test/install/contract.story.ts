/** The host on which the contract is tested, and what one test leaves for the next. */
import { SOFTWARE, type Release, type Software } from '../../local/hosts/software.ts';
import type { Session } from '../../local/clients/session.ts';
import { startMailHost, type Answer, type Entry, type MailHost } from './mail-host.ts';
import type { Issued } from './scratch-ca.ts';

/** What the contract has to know of an adapter. Shell is run on the host. */
export interface TestedAdapter {
  /** As in install/adapters/NAME.sh and in local/hosts/software.ts. */
  name: string;
  /** Prints what adoption writes into and undo puts back: compared byte for byte. */
  configuration: string;
  /** Ends the daemon, as a crash would. */
  stop: string;
  /**
   * A mistake of somebody else with which a reload fails, and its repair. Absent if nothing is
   * reloaded.
   */
  hinder?: { how: string; mend: string };
  /** Loses `example.test` from what is served; with one certificate for all names, loses that. */
  drift: string;
  /** Somebody puts the configuration back as it was before adoption, and it is in force. */
  takeBack: string;
  /**
   * The daemon has only the host's own certificate, and domains are served under the host's name.
   */
  oneCertificate?: true;
  /** A program of the daemon makes files of its own in /tmp when it is asked about its settings. */
  usesTmp?: true;
  /** A user of the daemon's own, which reads the copies that are made for it. */
  reader?: string;
  /** Facts of its own that `inspect` gives, each a number. */
  counts?: string[];
}

export interface TestedKind {
  release: Release;
  /** In the order of the installer's list. */
  adapters: TestedAdapter[];
  /** What `inspect` says, by fact. */
  facts: Record<string, RegExp>;
  /** The port that testssl.sh judges, by the name that the port serves. It takes up to 45 s. */
  testssl?: 443 | 993;
}

export const domain = 'example.test';
export const web = `webmail.${domain}`;
/** Tests of a roll-back do not wait as long as the installer does elsewhere. */
export const impatient = { environment: { SEALPOST_PROOF_WAIT: '5' } };
/** A daemon cannot reload at all: nothing comes of waiting for it. */
export const hopeless = { environment: { SEALPOST_PROOF_WAIT: '2' } };
export const isWeb = (port: number) => port === 443;

export class Story {
  mail!: MailHost;
  /** The daemons' configuration before adoption. */
  before!: string;
  /** Somebody who is logged in and idle while certificates change. */
  idle!: Session;
  /** What must be served now. Each test that installs a certificate changes these. */
  host!: Issued;
  example!: Issued;
  neighbour!: Issued;

  readonly kind: TestedKind;
  readonly parts: (TestedAdapter & { ports: number[] })[];
  readonly ports: number[];
  readonly mailPorts: number[];
  readonly underHost: number[];
  /** True if one daemon has one certificate: mail is served under the host's name on all ports. */
  readonly isUnder: boolean;
  readonly configuration: string;

  constructor(kind: TestedKind) {
    this.kind = kind;
    this.parts = kind.adapters.map(adapter => ({ ...adapter, ports: SOFTWARE[adapter.name as Software].ports }));
    this.ports = this.parts.flatMap(({ ports }) => ports);
    this.mailPorts = this.ports.filter(port => !isWeb(port));
    this.underHost = this.parts.flatMap(({ oneCertificate, ports }) => (oneCertificate ? ports : []));
    this.isUnder = this.underHost.length > 0;
    this.configuration = this.parts.map(({ configuration }) => configuration).join('; ');
  }

  async begin(): Promise<void> {
    const software = this.parts.map(({ name }) => name as Software);
    this.mail = await startMailHost('contract', { release: this.kind.release, software });
    await this.mail.sh('tar -cf /root/image.tar -C / etc');
    this.before = await this.mail.sh(this.configuration);
  }

  adopt(): Promise<Answer> {
    return this.mail.deliver([], { mode: 'inspect', adopt: true });
  }

  /** The leaves that ports serve to a client that sends no name. */
  async byDefault(): Promise<Set<string>> {
    return new Set(await Promise.all(this.ports.map(port => this.mail.served(port, ''))));
  }

  /** By port: the leaf for the domain's mail name, and on 443 for its webmail's. */
  async servedFor(name: string): Promise<Map<number, string>> {
    const served = this.ports.map(async port => {
      return [port, await this.mail.served(port, `${isWeb(port) ? 'webmail' : 'mail'}.${name}`)] as const;
    });
    return new Map(await Promise.all(served));
  }

  everywhere(): Promise<Map<number, string>> {
    return this.servedFor(domain);
  }

  neighbours(): Promise<Map<number, string>> {
    return this.servedFor('neighbour.test');
  }

  /** The leaf that a port has to serve for the names of the domain with this certificate. */
  on(port: number, { leaf }: Issued): string {
    return this.underHost.includes(port) ? this.host.leaf : leaf;
  }

  onAll(certificate: Issued): Map<number, string> {
    return new Map(this.ports.map(port => [port, this.on(port, certificate)]));
  }

  ofDomain(name: string, certificate: Issued): Entry {
    return { domain: name, certificate, web: `webmail.${name}`, ...(this.isUnder && { mail: '-' }) };
  }

  ofHost(certificate: Issued): Entry {
    const { hostName } = this.mail.host;
    return { domain: hostName, kind: 'host', mail: hostName, certificate };
  }

  renewed(certificate = this.mail.wildcard(domain)): Entry {
    return this.ofDomain(domain, certificate);
  }

  /** The leaf of the self-signed certificate that the provider's daemons had before adoption. */
  async ownLeaf(): Promise<string> {
    const own = await this.mail.sh('openssl x509 -in /etc/ssl/certs/server.pem -noout -fingerprint -sha256');
    return own.replace(/.*=/, '').replaceAll(':', '').toLowerCase();
  }
}

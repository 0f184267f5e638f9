/** What a command works with, and what it gives. */
import type { Issuer } from '../core/acme/issuer.ts';
import type { CertificateObjects } from '../core/ports/objects.ts';
import type { Road } from '../core/ports/road.ts';
import type { DomainStore } from '../core/ports/domain-store.ts';
import type { ServedStore } from '../core/ports/served-store.ts';
import type { ServerStore } from '../core/ports/server-store.ts';
import type { Foreign, Wish } from '../core/record/domain.ts';
import type { Renewed, RenewRequest } from '../core/renewal/renew.ts';
import type { Setting } from '../core/status/settings.ts';
import type { Dns } from '../core/dns/authoritative.ts';
import type { Known, KnownStore } from '../core/status/known.ts';

export interface Answer {
  /** For a person. */
  text: string;
  /** For a program, with `--json`. */
  data?: unknown;
  /** Exit code 0 or 1. */
  isWell: boolean;
}

/** What a command works with. */
export interface Here {
  /** Loads the clients of AWS at the first call: loading them takes as long as all the rest. */
  environment(): Promise<Environment>;
  /** Prints a part of the answer before the end; silent with `--json`, which has one answer. */
  say(line: string): void;
  /** Tells a person who waits how far the work is; silent with `--quiet` and with `--json`. */
  progress(line: string): void;
  /** True with `--quiet` and with `--json`: no progress, no headlines. */
  isQuiet: boolean;
  /** True with `--json`. */
  isJson: boolean;
}

/** The options of every command. */
export interface Common {
  /** Absent from commands whose answer is of no use to a program. */
  json?: boolean;
  quiet?: boolean;
  stack: string;
  region?: string;
  profile?: string;
}

/** The deployed stack. */
export interface Environment {
  store(): Promise<KnownStore>;
  challengeZone(): Promise<string>;
  road(): Road;
  /** A handshake as a mail program makes it, with the stack's resolvers and roots. */
  look(): Promise<Look>;
  renew(request: RenewRequest): Promise<Renewed>;
  /**
   * Puts an event in on the bus.
   * @returns its id
   */
  tell(event: { detailType: string; detail: object }): Promise<string>;
  /** What `doctor` looks at. */
  surroundings(): Promise<Surroundings>;
  /** The ARNs of what commands work with, and of the rest a beginning. */
  resources(): Promise<Resources>;
  /** What checks and stores a certificate that its owner brings. */
  elsewhere(): Promise<Elsewhere>;
  /** @returns true if the server is registered */
  audit(server: string): Promise<boolean>;
  importing(): Promise<Importing>;
}

/** What a CA says of itself (RFC 8555 §7.1.1). */
export interface Directory {
  newOrder: string;
  meta?: { termsOfService?: string; externalAccountRequired?: boolean };
}

/** What `doctor` looks at. */
export interface Surroundings {
  challengeZone: string;
  /** With the resolvers of the setting, or this machine's. */
  dns: Pick<Dns, 'resolve'>;
  issuers: Pick<Issuer, 'name' | 'directoryUrl' | 'staging' | 'externalAccountParameter'>[];
  /** @throws Error */
  directory: (url: string) => Promise<Directory>;
  known: Known;
}

/** What a policy names. */
export interface Resources {
  table: string;
  /** With the name of the deployment and a dash at its end: a function's name follows. */
  functions: string;
  /** The same for state machines, and for their executions. */
  machines: string;
  executions: string;
  certificates: string;
  key: string;
}

export interface Elsewhere {
  store: Pick<DomainStore, 'readDomain' | 'provide'> & Pick<ServerStore, 'readServer'>;
  certificates: CertificateObjects;
  /** PEM of roots that are trusted beside the public ones; may be empty. */
  roots: string;
}

export interface Importing {
  store: Pick<DomainStore, 'readDomain' | 'acceptWish'> &
    Pick<ServerStore, 'readServer'> &
    Pick<ServedStore, 'guardForeign'>;
  issuer: Pick<Issuer, 'name' | 'limits'>;
  /** @returns the trusted certificate that the wish's names are served with already, if any */
  seen: (wish: Wish) => Promise<Foreign | undefined>;
}

export type Look = (setting: Setting) => Promise<{ trusted: boolean; reason?: string }>;

/** What a command works with, and what it gives. */
import type { Issuer } from '../core/acme/issuer.ts';
import type { CertificateObjects } from '../core/ports/objects.ts';
import type { Road } from '../core/ports/road.ts';
import type { DomainStore } from '../core/ports/domain-store.ts';
import type { ServerStore } from '../core/ports/server-store.ts';
import type { Foreign, Wish } from '../core/record/domain.ts';
import type { Renewed, RenewRequest } from '../core/renewal/renew.ts';
import type { Setting } from '../core/status/settings.ts';
import type { KnownStore } from '../core/status/known.ts';

/** What a command finds. */
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
  /** The clients of AWS are loaded at the first call, since this takes as long as all the rest. */
  environment(): Promise<Environment>;
  /** A part of the answer that is known before the end. A program gets the whole answer at the end instead. */
  say(line: string): void;
  /** For a person who waits: silent with `--quiet` and with `--json`. */
  progress(line: string): void;
  /** No progress, no headlines: with `--quiet` and with `--json`. */
  isQuiet: boolean;
  /** The answer is for a program. */
  isJson: boolean;
}

/** The options of every command. */
export interface Common {
  /** Absent where a command has nothing to say to a program. */
  json?: boolean;
  quiet?: boolean;
  stack: string;
  region?: string;
  profile?: string;
}

/** The stack that is deployed. */
export interface Environment {
  store(): Promise<KnownStore>;
  challengeZone(): Promise<string>;
  road(): Road;
  /** Looks at a mail server as a mail program does, with the stack's own resolvers and roots. */
  look(): Promise<Look>;
  renew(request: RenewRequest): Promise<Renewed>;
  /** What a certificate from elsewhere is checked by and goes to. */
  elsewhere(): Promise<Elsewhere>;
  /** @returns whether there is such a server */
  audit(server: string): Promise<boolean>;
  /** What an import reads, writes and looks with. */
  importing(): Promise<Importing>;
}

export interface Elsewhere {
  store: Pick<DomainStore, 'readDomain' | 'provide'> & Pick<ServerStore, 'readServer'>;
  certificates: CertificateObjects;
  /** PEM, trusted besides the public ones. */
  roots: string;
}

export interface Importing {
  store: Pick<DomainStore, 'readDomain' | 'acceptWish'> & Pick<ServerStore, 'readServer'>;
  issuer: Pick<Issuer, 'name' | 'limits'>;
  /** What is served for the wish already, where that is good. */
  seen: (wish: Wish) => Promise<Foreign | undefined>;
}

export type Look = (setting: Setting) => Promise<{ trusted: boolean; reason?: string }>;

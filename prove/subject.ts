/** What is proved: a stack, one managed node, and a zone in which names are made. */
import type { Dns } from '../core/dns/authoritative.ts';
import type { Store } from '../core/ports/store.ts';
import type { Look } from '../bin/here.ts';
import type { Account } from './account.ts';

export interface Subject {
  stack: string;
  partition: string;
  region: string;
  account: string;
  /** ARN of the role that the caller has. */
  role: string;
  node: string;
  platform: string;
  /** The node's host name, and its address in DNS. */
  server: string;
  address: string;
  /** False if the server was registered before: then it stays registered. */
  isNew: boolean;
  zone: { id: string; name: string };
  /** The customer's domain that is made in the zone. */
  domain: string;
}

/** What a step works with. */
export interface At {
  subject: Subject;
  account: Account;
  store: Store;
  dns: Dns;
  /** A handshake as a mail program makes it, with the stack's resolvers and roots. */
  look: Look;
  signal: AbortSignal;
}

/** The source of our events. */
export const SOURCE = 'provider.proof';

export function arnOf(
  { partition, region, account }: Pick<Subject, 'partition' | 'region' | 'account'>,
  { service, resource }: { service: string; resource: string },
): string {
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
}

export function machineArn(subject: Subject, machine: 'secure-domain' | 'register-server' | 'deliver-to-server') {
  return arnOf(subject, { service: 'states', resource: `stateMachine:${subject.stack}-${machine}` });
}

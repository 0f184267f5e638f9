/** The account at the CA, for the steps that speak to it: apart from environment.ts, because acme-client brings 500 KB into each bundle that names it. */
import { knownAccount, openAccount, register } from '../core/acme/account.ts';
import type { Acme } from '../core/acme/client.ts';
import { clock, issuer, secrets, store } from './environment.ts';

const accountPorts = () => ({ secrets: secrets(), store: store(), now: clock.now });
/** A failure is not kept: the next invocation opens the account again. */
function onceOpened(open: () => Promise<Acme>): () => Promise<Acme> {
  let opened: Promise<Acme> | undefined;
  return () => (opened ??= open().catch((error: unknown) => ((opened = undefined), Promise.reject(error))));
}

export const newAcme = onceOpened(() => openAccount(issuer(), accountPorts()));
export const acme = onceOpened(() => knownAccount(issuer(), accountPorts()));
export const registerAgain = async (): Promise<void> => register(await newAcme(), issuer(), accountPorts());

/**
 * Our accounts at the CAs, for the steps that ask a CA. The accounts have a file of their own,
 * because acme-client adds 500 KB to each bundle that imports it.
 */
import { issuerItems } from '../aws/issuer-items.ts';
import { keptAccounts, knownAccount, openAccount, register } from '../core/acme/account.ts';
import type { Acme } from '../core/acme/client.ts';
import type { Issuer } from '../core/acme/issuer.ts';
import { SealpostError } from '../core/errors.ts';
import { clock, issuers, secrets, storeOf } from './environment.ts';

const accountPorts = () => ({ secrets: secrets(), store: storeOf(issuerItems), now: clock.now });

/**
 * @throws SealpostError IssuerUnusable if the setting has lost the issuer since the plan was made
 */
export function issuerNamed(name: string): Issuer {
  const found = issuers().find(issuer => issuer.name === name);
  if (found) return found;
  throw new SealpostError('IssuerUnusable', {
    about: name,
    message: `the setting Issuers has no ${name} any more; another is planned`,
  });
}

/** Opens each account at the first invocation that needs it. */
const kept = (open: (issuer: Issuer) => Promise<Acme>) => {
  let accounts: ReturnType<typeof keptAccounts> | undefined;
  return (issuer: Issuer) => (accounts ??= keptAccounts(open, accountPorts()))(issuer);
};

export const newAcme = kept(issuer => openAccount(issuer, accountPorts()));
export const acme = kept(issuer => knownAccount(issuer, accountPorts()));
export const registerAgain = async (issuer: Issuer): Promise<void> =>
  register(await newAcme(issuer), issuer, accountPorts());

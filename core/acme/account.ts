/** Our account at the CA: one key for the whole installation, made by whoever needs it first (RFC 8555 §7.3). */
import { newKey } from '../certificate/certificate.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { Secrets } from '../ports.ts';
import type { IssuerStore } from '../store.ts';
import { connect, type Acme } from './client.ts';
import type { Issuer } from './issuer.ts';
import { asSealpostError, isProblem } from './problem.ts';

interface AccountPorts {
  secrets: Secrets;
  store: IssuerStore;
  now: () => number;
}

/** For CreateOrder, which may make the key and the account. @throws SealpostError AcmeRejected, AcmeUnavailable */
export async function openAccount(issuer: Issuer, ports: AccountPorts): Promise<Acme> {
  const accountKey = await ports.secrets.createOnce(issuer.keyParameter, newKey());
  const known = await ports.store.account(issuer.directoryUrl);
  const acme = connect({ ...issuer, accountKey, accountUrl: known?.accountUrl });
  if (!known) await register(acme, issuer, ports);
  return acme;
}

/** For the later steps, which find both. @throws SealpostError InvalidStepOutput */
export async function knownAccount(issuer: Issuer, { secrets, store }: Omit<AccountPorts, 'now'>): Promise<Acme> {
  const [accountKey, account] = await Promise.all([
    secrets.read(issuer.keyParameter),
    store.account(issuer.directoryUrl),
  ]);
  if (!accountKey || !account)
    throw new SealpostError(
      'InvalidStepOutput',
      issuer.directoryUrl,
      `no ACME account is on record for ${issuer.directoryUrl}, though an order is`,
    );
  return connect({ ...issuer, accountKey, accountUrl: account.accountUrl });
}

/** Makes the account, or finds the one that the key has. */
export async function register(
  acme: Acme,
  { directoryUrl, contact, termsAgreed }: Issuer,
  { store, now }: Omit<AccountPorts, 'secrets'>,
): Promise<void> {
  const accountUrl = await acme.register({ contact, termsAgreed }).catch((error: unknown) => {
    throw asSealpostError(error, directoryUrl, now());
  });
  await store.recordAccount(directoryUrl, { accountUrl });
}

/** The CA lost its state, or is another behind the same URL: the key registers again. */
export function isAccountUnknown(error: unknown): boolean {
  return isSealpostError(error, 'AcmeRejected') && isProblem(error.cause, 'accountDoesNotExist');
}

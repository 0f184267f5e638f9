/**
 * Our account at a CA (RFC 8555 §7.3): one key for the whole stack. The first step that needs the
 * key creates it, unless the operator has stored a key of their own.
 */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { newKey } from '../certificate/certificate.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { IssuerStore } from '../ports/issuer-store.ts';
import { connect, type Acme } from './client.ts';
import { readExternalAccount } from './external-account.ts';
import type { Issuer } from './issuer.ts';
import { AcmeProblem, asSealpostError, isProblem } from './problem.ts';
import type { Secrets } from '../ports/secrets.ts';

interface AccountPorts {
  secrets: Secrets;
  store: IssuerStore;
  now: () => number;
}

/**
 * For CreateOrder, which creates the key and the account if they are missing.
 * @throws SealpostError IssuerUnusable, AcmeUnavailable, AcmeRateLimited, AcmeRejected, Throttled
 */
export async function openAccount(issuer: Issuer, ports: AccountPorts): Promise<Acme> {
  const stored = await ports.secrets.createOnce({ name: issuer.keyParameter, value: newKey() });
  const known = await ports.store.readIssuer(issuer.directoryUrl);
  const acme = connect({ ...issuer, accountKey: accountKeyOf(stored, issuer), accountUrl: known?.accountUrl });
  // The operator has stored another key since then. Another key has another account.
  if (known?.accountUrl === undefined || known.thumbprint !== acme.thumbprint) await register(acme, issuer, ports);
  return acme;
}

/**
 * For the later steps, which need an account that exists.
 * @throws SealpostError InvalidStepOutput if the key or the account is missing; IssuerUnusable,
 *   Throttled
 */
export async function knownAccount(issuer: Issuer, { secrets, store }: Omit<AccountPorts, 'now'>): Promise<Acme> {
  const [stored, account] = await Promise.all([
    secrets.read(issuer.keyParameter),
    store.readIssuer(issuer.directoryUrl),
  ]);
  if (!stored || !account?.accountUrl)
    throw new SealpostError('InvalidStepOutput', {
      about: issuer.name,
      message: `no ACME account is on record for ${issuer.directoryUrl}, though an order is`,
    });
  return connect({ ...issuer, accountKey: accountKeyOf(stored, issuer), accountUrl: account.accountUrl });
}

/** How long a key is used before its parameter is read again: the operator may store another. */
const KEY_READ_AGAIN_MS = 600_000;

/**
 * Keeps each account for the later invocations of a process. An account that another process has
 * replaced on record is opened again, because an order of one account is unknown to another. A
 * failure is not kept.
 */
export function keptAccounts(
  open: (issuer: Issuer) => Promise<Acme>,
  { store, now }: Pick<AccountPorts, 'now'> & { store: Pick<IssuerStore, 'readIssuer'> },
): (issuer: Issuer) => Promise<Acme> {
  const kept = new Map<string, { acme: Acme; at: number }>();
  return async issuer => {
    const known = kept.get(issuer.name);
    if (known && now() < known.at + KEY_READ_AGAIN_MS) {
      const record = await store.readIssuer(issuer.directoryUrl);
      const isSame = record?.accountUrl === known.acme.accountUrl && record?.thumbprint === known.acme.thumbprint;
      if (isSame) return known.acme;
    }
    const opened = { acme: await open(issuer), at: now() };
    kept.set(issuer.name, opened);
    return opened.acme;
  };
}

/**
 * Finds the account of the key, which needs neither terms nor an external account, or creates it.
 * @throws SealpostError as `openAccount`
 */
export async function register(acme: Acme, issuer: Issuer, { secrets, store, now }: AccountPorts): Promise<void> {
  const { name, directoryUrl, contact, termsAgreed } = issuer;
  const make = async () => {
    const externalAccountBinding = await readExternalAccount(issuer, secrets);
    return acme.register({ contact, termsAgreed, ...(externalAccountBinding && { externalAccountBinding }) });
  };
  try {
    const accountUrl = (await acme.findAccount()) ?? (await make());
    await store.recordAccount(directoryUrl, { accountUrl, thumbprint: acme.thumbprint });
  } catch (error) {
    throw accountTrouble(asSealpostError(error, name, now()), issuer);
  }
}

/**
 * Turns the CA's refusal of our account into IssuerUnusable, because another domain would fail
 * there, too. Other errors are returned unchanged.
 */
export function accountTrouble(error: unknown, { name, externalAccountParameter }: Issuer): unknown {
  if (!isSealpostError(error, 'AcmeRejected') || !(error.cause instanceof AcmeProblem)) return error;
  const remedy =
    externalAccountParameter === undefined && isProblem(error.cause, 'externalAccountRequired')
      ? `It binds accounts to its customers: say "externalAccount":true for ${name} in the setting Issuers, and put what it gave you into the parameter that the next error names.`
      : externalAccountParameter === undefined
        ? `Check the account at ${name}.`
        : `Check that ${externalAccountParameter} has what ${name} gave you, and check the account there.`;
  const said = `${name} does not take our account. ${error.message} ${remedy}`;
  return new SealpostError('IssuerUnusable', { about: error.about, message: said, cause: error.cause });
}

/**
 * True if the CA does not know our account: the CA lost its state, or another CA answers at the
 * same URL. The key has to be registered again.
 */
export function isAccountUnknown(error: unknown): boolean {
  return isSealpostError(error) && isProblem(error.cause, 'accountDoesNotExist');
}

/**
 * Reads the stored key: PEM in any form (acme.sh, lego, acme-client) or a JWK (certbot's
 * private_key.json).
 * @returns PKCS #8 PEM
 */
function accountKeyOf(stored: string, { name, keyParameter }: Issuer): string {
  const key = readKey(stored.trim());
  const wrong = key === undefined ? 'no private key in PEM or JWK' : unfit(key);
  if (wrong === undefined) return key!.export({ type: 'pkcs8', format: 'pem' }).toString();
  const remedy = 'Put an RSA key of 2048 bits or more, or an EC key (P-256, P-384) there, or delete the parameter.';
  throw new SealpostError('IssuerUnusable', {
    about: name,
    message: `The parameter ${keyParameter} holds ${wrong}. ${remedy}`,
  });
}

function readKey(text: string): KeyObject | undefined {
  try {
    if (!text.startsWith('{')) return createPrivateKey(text);
    return createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined; // the cause might quote the key, so it is dropped
  }
}

/** RFC 8555 §6.2 leaves the kinds of keys to the CA. Every CA accepts these two. */
function unfit({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === 'rsa') return details!.modulusLength! < 2048 ? 'an RSA key of less than 2048 bits' : undefined;
  if (type !== 'ec') return `a key of the kind ${type}`;
  return ['prime256v1', 'secp384r1'].includes(details!.namedCurve!)
    ? undefined
    : `an EC key of the curve ${details!.namedCurve}`;
}

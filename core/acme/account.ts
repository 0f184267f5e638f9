/** Our account at a CA: one key for the whole installation, made by whoever needs it first, or brought (RFC 8555 §7.3). */
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

/** For CreateOrder, which may make the key and the account. @throws SealpostError IssuerUnusable, AcmeUnavailable, AcmeRateLimited */
export async function openAccount(issuer: Issuer, ports: AccountPorts): Promise<Acme> {
  const stored = await ports.secrets.createOnce({ name: issuer.keyParameter, value: newKey() });
  const known = await ports.store.readIssuer(issuer.directoryUrl);
  const acme = connect({ ...issuer, accountKey: accountKeyOf(stored, issuer), accountUrl: known?.accountUrl });
  // Another key was put in its place since: its account is another, too.
  if (known?.accountUrl === undefined || known.thumbprint !== acme.thumbprint) await register(acme, issuer, ports);
  return acme;
}

/** For the later steps, which find both. @throws SealpostError InvalidStepOutput, IssuerUnusable */
export async function knownAccount(issuer: Issuer, { secrets, store }: Omit<AccountPorts, 'now'>): Promise<Acme> {
  const [stored, account] = await Promise.all([
    secrets.read(issuer.keyParameter),
    store.readIssuer(issuer.directoryUrl),
  ]);
  if (!stored || !account?.accountUrl)
    throw new SealpostError(
      'InvalidStepOutput',
      issuer.name,
      `no ACME account is on record for ${issuer.directoryUrl}, though an order is`,
    );
  return connect({ ...issuer, accountKey: accountKeyOf(stored, issuer), accountUrl: account.accountUrl });
}

/** Finds the account that the key has, which needs neither terms nor an external account; else makes it. @throws as openAccount */
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

/** What a CA says of the account, and not of what was asked: no other domain will fare better there. */
export function accountTrouble(error: unknown, { name, externalAccountParameter }: Issuer): unknown {
  if (!isSealpostError(error, 'AcmeRejected') || !(error.cause instanceof AcmeProblem)) return error;
  const remedy =
    externalAccountParameter === undefined && isProblem(error.cause, 'externalAccountRequired')
      ? `It binds accounts to its customers: say "externalAccount":true for ${name} in the setting Issuers, and put what it gave you into the parameter that the next error names.`
      : externalAccountParameter === undefined
        ? `See to the account at ${name}.`
        : `See that ${externalAccountParameter} has what ${name} gave you, and to the account there.`;
  const said = `${name} does not take our account. ${error.message} ${remedy}`;
  return new SealpostError('IssuerUnusable', error.about, said, { cause: error.cause });
}

/** The CA lost its state, or is another behind the same URL: the key registers again. */
export function isAccountUnknown(error: unknown): boolean {
  return isSealpostError(error) && isProblem(error.cause, 'accountDoesNotExist');
}

/**
 * A brought key may be PEM in any of its forms (acme.sh, lego, acme-client), or a JWK (certbot's private_key.json).
 * @returns PKCS8 PEM
 */
function accountKeyOf(stored: string, { name, keyParameter }: Issuer): string {
  const key = readKey(stored.trim());
  const wrong = key === undefined ? 'no private key in PEM or JWK' : unfit(key);
  if (wrong === undefined) return key!.export({ type: 'pkcs8', format: 'pem' }).toString();
  const remedy = 'Put an RSA key of 2048 bits or more, or an EC key (P-256, P-384) there, or take the parameter away.';
  throw new SealpostError('IssuerUnusable', name, `The parameter ${keyParameter} holds ${wrong}. ${remedy}`);
}

function readKey(text: string): KeyObject | undefined {
  try {
    if (!text.startsWith('{')) return createPrivateKey(text);
    return createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined; // without the cause, which might quote what it read
  }
}

/** RFC 8555 §6.2 leaves it to the CA; these two kinds every one takes. */
function unfit({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === 'rsa') return details!.modulusLength! < 2048 ? 'an RSA key of less than 2048 bits' : undefined;
  if (type !== 'ec') return `a key of the kind ${type}`;
  return ['prime256v1', 'secp384r1'].includes(details!.namedCurve!)
    ? undefined
    : `an EC key of the curve ${details!.namedCurve}`;
}

/**
 * External account binding (RFC 8555 §7.3.4): the credentials that a CA gives its customer, and
 * that the operator stores in a SecureString parameter.
 */
import * as z from 'zod/mini';
import { SealpostError } from '../errors.ts';
import type { Registration } from './client.ts';
import type { Issuer } from './issuer.ts';
import type { Secrets } from '../ports/secrets.ts';

const binding = z.strictObject({
  kid: z.string().check(z.minLength(1), z.maxLength(1_000)),
  /** A CA gives the key in base64 or in base64url. */
  hmacKey: z.string().check(z.regex(/^[\w+/-]{16,}={0,2}$/)),
});

/**
 * @returns undefined if the CA wants no external account
 * @throws SealpostError IssuerUnusable with the command that creates the parameter
 */
export async function readExternalAccount(
  { name, externalAccountParameter: parameter }: Issuer,
  secrets: Pick<Secrets, 'read'>,
): Promise<Registration['externalAccountBinding']> {
  if (parameter === undefined) return undefined;
  const stored = await secrets.read(parameter);
  const found = stored === undefined ? undefined : parse(stored);
  if (found !== undefined) return found;
  const problem = stored === undefined ? `there is no parameter ${parameter}` : `${parameter} is not as it should be`;
  const command = `aws ssm put-parameter --name ${parameter} --type SecureString --key-id <output KeyArn> --overwrite --value '{"kid":"…","hmacKey":"…"}'`;
  throw new SealpostError('IssuerUnusable', {
    about: name,
    message: `${name} wants an external account, and ${problem}. Say: ${command}`,
  });
}

function parse(stored: string): Registration['externalAccountBinding'] {
  try {
    const { kid, hmacKey } = z.parse(binding, JSON.parse(stored));
    return { kid, hmacKey: hmacKey.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') };
  } catch {
    return undefined; // the cause might quote the secret, so it is dropped
  }
}

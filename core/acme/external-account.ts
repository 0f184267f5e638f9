/** What a CA gives its customers to bind an ACME account to theirs (RFC 8555 §7.3.4); put into a SecureString by a person. */
import * as z from 'zod/mini';
import { SealpostError } from '../errors.ts';
import type { Registration } from './client.ts';
import type { Issuer } from './issuer.ts';
import type { Secrets } from '../ports/secrets.ts';

const binding = z.strictObject({
  kid: z.string().check(z.minLength(1), z.maxLength(1_000)),
  /** CAs give it in base64 or base64url. */
  hmacKey: z.string().check(z.regex(/^[\w+/-]{16,}={0,2}$/)),
});

/** @returns undefined where the CA wants none @throws SealpostError IssuerUnusable with the command that makes the parameter */
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
  throw new SealpostError('IssuerUnusable', name, `${name} wants an external account, and ${problem}. Say: ${command}`);
}

function parse(stored: string): Registration['externalAccountBinding'] {
  try {
    const { kid, hmacKey } = z.parse(binding, JSON.parse(stored));
    return { kid, hmacKey: hmacKey.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') };
  } catch {
    return undefined; // without the cause, which might quote what it read
  }
}

/** A certificate authority as we are its customer, and the setting `Issuers` that names those we have, in order. */
import * as z from 'zod/mini';
import { parseLimit, knownLimits, type Limits } from '../record/limits.ts';

export interface Issuer {
  /** What it is called here: on record, in events, and by a wish that wants this one. */
  name: string;
  directoryUrl: string;
  /** The ACME profile to ask for where the wish names none; a CA that has profiles may pick any without. */
  profile?: string;
  /** Nobody trusts what it issues: it never replaces a certificate that is trusted. */
  staging: boolean;
  limits: Limits;
  /** `mailto:…` addresses; the CA may want none. */
  contact: string[];
  /** A person has read the CA's terms and said so at deploy. */
  termsAgreed: boolean;
  /** PEM roots trusted beside the runtime's own. */
  roots: string;
  userAgent: string;
  /** Where the account's key lies; an existing key can be brought by putting it there first. */
  keyParameter: string;
  /** Where key id and MAC key lie, for a CA that binds accounts to its customers (RFC 8555 §7.3.4). */
  externalAccountParameter?: string;
}

/** What all issuers of a stack have in common. */
export interface Customer extends Pick<Issuer, 'contact' | 'termsAgreed' | 'roots' | 'userAgent'> {
  /** The path under which each issuer has its parameters: `<path>/<name>/account-key`, `…/external-account`. */
  parameters: string;
}

const limit = z.optional(z.string());
const configured = z.array(
  z.strictObject({
    name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/)),
    directory: z.string().check(z.regex(/^https:\/\/[^\s"]+$/)),
    profile: z.optional(z.string().check(z.regex(/^[a-z0-9-]{1,40}$/))),
    staging: z.optional(z.boolean()),
    externalAccount: z.optional(z.boolean()),
    limits: z.optional(z.strictObject({ account: limit, registeredDomain: limit, exactSet: limit, source: limit })),
  }),
);

/** The template's pattern (lib/issuer-setting.ts) keeps most mistakes out at deploy; two of a name it cannot see. @throws Error that names what is wrong */
export function parseIssuers(text: string, { parameters, ...customer }: Customer): Issuer[] {
  const issuers = parsed(text).map(({ name, directory, profile, staging, externalAccount, limits = {} }): Issuer => ({
    name,
    directoryUrl: directory,
    ...(profile !== undefined && { profile }),
    staging: staging ?? isKnownStaging(directory),
    limits: { ...knownLimits(directory), ...given(limits) },
    ...customer,
    keyParameter: `${parameters}/${name}/account-key`,
    ...(externalAccount && { externalAccountParameter: `${parameters}/${name}/external-account` }),
  }));
  if (issuers.length === 0) throw new Error('the setting Issuers names none; give one at least');
  for (const key of ['name', 'directoryUrl'] as const) {
    const twice = issuers.find((issuer, i) => issuers.findIndex(other => other[key] === issuer[key]) < i);
    if (twice) throw new Error(`the setting Issuers has ${twice[key]} twice; an account and its limits belong to one`);
  }
  return issuers;
}

function parsed(text: string): z.infer<typeof configured> {
  try {
    return z.parse(configured, JSON.parse(text));
  } catch (cause) {
    throw new Error(`the setting Issuers cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function given({ source, ...limits }: Partial<Record<keyof Limits | 'source', string>>): Limits {
  const found = Object.entries(limits).map(([per, text]) => [per, parseLimit(text, source)]);
  return Object.fromEntries(found) as Limits;
}

/** Let's Encrypt's staging says so in its host name; of any other CA the setting has to. */
function isKnownStaging(directory: string): boolean {
  return new URL(directory).hostname === 'acme-staging-v02.api.letsencrypt.org';
}

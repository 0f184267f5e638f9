/**
 * An issuer, and the setting `Issuers`, which lists the issuers in the order in which they are
 * tried.
 */
import * as z from 'zod/mini';
import { parseLimit, knownLimits, type Limits } from '../record/limits.ts';

export interface Issuer {
  /** The name in the setting: in the table, in events, and in a wish that names its issuer. */
  name: string;
  directoryUrl: string;
  /** The ACME profile of the orders whose wish names none. Without a profile the CA chooses. */
  profile?: string;
  /** Browsers do not trust the certificates, so that they never replace a trusted certificate. */
  staging: boolean;
  limits: Limits;
  /** `mailto:…` addresses; may be empty. */
  contact: string[];
  /** The setting AcmeTermsAgreed is `yes`. */
  termsAgreed: boolean;
  /** PEM; trusted beside the runtime's own roots. */
  roots: string;
  userAgent: string;
  /**
   * The SSM parameter with the account's key. A key that is there before the first order is used.
   */
  keyParameter: string;
  /**
   * The SSM parameter with key id and MAC key, if the CA binds accounts to its customers (RFC 8555
   * §7.3.4).
   */
  externalAccountParameter?: string;
}

/** What all issuers of a stack share. */
export interface Customer extends Pick<Issuer, 'contact' | 'termsAgreed' | 'roots' | 'userAgent'> {
  /**
   * The path of the issuers' SSM parameters: `<path>/<name>/account-key`,
   * `<path>/<name>/external-account`.
   */
  parameters: string;
}

/** A limit, as core/record/limits.ts reads it. */
export const limitText = z.string();
const limit = z.optional(limitText);

/**
 * One issuer of the setting. lib/issuer-setting.ts makes the pattern of the stack's parameter from
 * this schema.
 */
export const configuredIssuer = z.strictObject({
  name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/)),
  directory: z.string().check(z.regex(/^https:\/\/[^\s"]+$/)),
  profile: z.optional(z.string().check(z.regex(/^[a-z0-9-]{1,40}$/))),
  staging: z.optional(z.boolean()),
  externalAccount: z.optional(z.boolean()),
  limits: z.optional(
    z.strictObject({ account: limit, registeredDomain: limit, exactSet: limit, source: z.optional(z.string()) }),
  ),
});
export type ConfiguredIssuer = z.infer<typeof configuredIssuer>;
const configured = z.array(configuredIssuer);

/**
 * Each option with its meaning and an example: docs/settings.md and the parameter's message are
 * made from them.
 */
export const issuerOptions: {
  [O in keyof ConfiguredIssuer]-?: { meaning: string; example: NonNullable<ConfiguredIssuer[O]> };
} = {
  name: {
    meaning: "The issuer's name here: in the table, in events, and in a wish that names its issuer.",
    example: 'letsencrypt',
  },
  directory: { meaning: "The URL of the CA's ACME directory.", example: 'https://…' },
  profile: {
    meaning: 'The ACME profile of the orders whose wish names none. Without a profile the CA chooses.',
    example: 'tlsserver',
  },
  staging: {
    meaning:
      "True: browsers do not trust the CA's certificates, and they never replace a trusted certificate. " +
      "Let's Encrypt's staging environment is known without this option.",
    example: true,
  },
  externalAccount: {
    meaning: 'True: the CA binds ACME accounts to its customers (RFC 8555 §7.3.4).',
    example: true,
  },
  limits: {
    meaning:
      "The CA's limits on new orders: of the account, for one registered domain, for one exact set of names. " +
      "Let's Encrypt's limits are known without this option.",
    example: {
      account: '300 in 3 h',
      registeredDomain: '50 in 7 d',
      exactSet: '5 in 7 d',
      source: 'where and when you read them',
    },
  },
};

/**
 * Reads the setting. The pattern of the stack's parameter refuses most mistakes at the deploy; it
 * cannot see that two issuers have the same name or directory.
 * @throws Error that names the mistake
 */
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
  const found = Object.entries(limits).map(([per, text]) => [per, parseLimit(text, { source })]);
  return Object.fromEntries(found) as Limits;
}

/**
 * Let's Encrypt's staging environment is known by its host name. For another CA the setting says
 * `staging`.
 */
function isKnownStaging(directory: string): boolean {
  return new URL(directory).hostname === 'acme-staging-v02.api.letsencrypt.org';
}

/** An issuer as code names it: one row of the setting `Issuers`. */
import { configuredIssuer, type ConfiguredIssuer } from '../core/acme/issuer.ts';

/** A CA that speaks ACME (RFC 8555). */
export interface AcmeIssuer {
  /**
   * The issuer's name here: in the table, in events, and in a wish that names its issuer. Small
   * letters, digits and `-`, 32 at most.
   */
  readonly name: string;
  /** The URL of the CA's ACME directory, `https://…` (RFC 8555 §7.1.1). */
  readonly directory: string;
  /**
   * The ACME profile of the orders whose wish names none.
   * @default the CA chooses
   */
  readonly profile?: string;
  /**
   * True: browsers do not trust the CA's certificates, and they never replace a trusted one.
   * @default false, but true for Let's Encrypt's staging environment
   */
  readonly staging?: boolean;
  /**
   * True: the CA binds ACME accounts to its customers (RFC 8555 §7.3.4). What the CA gave you goes
   * into the SSM parameter `/<name>/issuers/<issuer>/external-account`.
   * @default false
   */
  readonly externalAccount?: boolean;
  /**
   * The CA's limits on new orders, each as `300 in 3 h`: of the account, for one registered domain,
   * for one exact set of names.
   * @default none, but Let's Encrypt's own for its directories
   */
  readonly limits?: AcmeLimits;
}

/** A CA's limits on new orders, each as `50 in 7 d`. */
export interface AcmeLimits {
  /** Of one ACME account. */
  readonly account?: string;
  /** For one registered domain, such as example.com with all names below it. */
  readonly registeredDomain?: string;
  /** For one exact set of names. */
  readonly exactSet?: string;
  /** Where and when you read them. */
  readonly source?: string;
}

/**
 * A CA that orders are made at. Who names an issuer agrees to the CA's terms of service: read them
 * first.
 */
export class Issuer {
  /**
   * Let's Encrypt, whose certificates every browser trusts (https://letsencrypt.org/repository has
   * its terms). Profile `tlsserver`, limits as Let's Encrypt publishes them.
   */
  static letsEncrypt(): Issuer {
    const directory = 'https://acme-v02.api.letsencrypt.org/directory';
    return Issuer.acme({ name: 'letsencrypt', directory, profile: 'tlsserver' });
  }

  /** Let's Encrypt's staging environment, to try: nobody trusts its certificates. */
  static letsEncryptStaging(): Issuer {
    const directory = 'https://acme-staging-v02.api.letsencrypt.org/directory';
    return Issuer.acme({ name: 'letsencrypt-staging', directory, profile: 'tlsserver' });
  }

  /**
   * Any CA that speaks ACME.
   * @throws Error that names the option and what is wrong with it
   */
  static acme(options: AcmeIssuer): Issuer {
    return new Issuer(options);
  }

  /**
   * The row of the setting `Issuers`: the options in the order that the template's pattern has.
   * @internal
   */
  readonly configured: ConfiguredIssuer;

  private constructor({ name, directory, ...others }: AcmeIssuer) {
    const { success, data, error } = configuredIssuer.safeParse({ name, directory, ...others });
    if (!success) {
      const [{ path, message } = { path: [], message: 'it is not valid' }] = error.issues;
      throw new Error(`the issuer ${JSON.stringify(name)}: ${path.join('.')}: ${message}`);
    }
    this.configured = data;
  }
}

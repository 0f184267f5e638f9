/** The properties of the construct `Sealpost`. lib/properties.ts checks them. */
import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as route53 from 'aws-cdk-lib/aws-route53';
import type { Issuer } from './issuer.ts';

/** The properties of `Sealpost`. */
export interface SealpostProps {
  /**
   * The addresses at which the CAs can reach you, such as `certificates@provider.example` (RFC 8555
   * §7.3, `contact`).
   */
  readonly acmeContact: string | readonly string[];
  /**
   * The hosted zone for delegated challenges: a customer's zone has one CNAME of `_acme-challenge`
   * to it. The functions may write TXT records there. A zone that was imported needs its name, too:
   * `HostedZone.fromHostedZoneAttributes`.
   */
  readonly challengeZone: route53.IHostedZone;
  /**
   * The roles that may put events on the bus, such as your panel's. Whoever may register a server
   * and name it for a domain gets that domain's key delivered.
   * @default no role may
   */
  readonly senders?: readonly iam.IRole[];
  /** The CAs, in the order in which they are tried; one at least. You agree to their terms. */
  readonly issuers: readonly Issuer[];
  /**
   * IP addresses of recursive resolvers.
   * @default the resolvers that the functions have
   */
  readonly resolvers?: readonly string[];
  /**
   * PEM of CA roots that are trusted beside the public roots, for a CA of your own; 2,900
   * characters at most.
   * @default none
   */
  readonly trustedRoots?: string;
  /**
   * The time after which Route 53's name servers usually answer with a change; whole seconds, 999
   * at most.
   * @default 30 seconds
   */
  readonly dnsPropagation?: Duration;
  /**
   * The hours of the day (UTC) in which renewals that are in good time are delivered. From and to
   * the same hour: the whole day.
   * @default from 1 to 5
   */
  readonly quietHours?: { readonly from: number; readonly to: number };
  /**
   * The ports at which the mail servers are checked from outside. Add 25 when AWS lets your
   * functions use the port.
   * @default 443, 465, 587, 993, 995
   */
  readonly outsidePorts?: readonly number[];
  /**
   * The longest time between two reads of a certificate's renewal information (RFC 9773), from one
   * minute to 12 hours. The CA may ask for shorter times.
   * @default 6 hours
   */
  readonly renewalInfoInterval?: Duration;
  /**
   * The account's quota of imported certificates in ACM at a time. At the quota, no further domain
   * is imported.
   * @default 2,500, AWS's own default
   */
  readonly acmCertificates?: number;
  /**
   * The account's quota of imports into ACM in 365 days, renewals included.
   * @default 5,000, AWS's own default
   */
  readonly acmImportsAYear?: number;
  /**
   * The name with which the names of the resources begin, and by which `sealpost --stack NAME`
   * finds them. Letters, digits and `-`, 37 at most. Another name replaces every resource.
   * @default a name made of the construct's path, which is in the output `Name`
   */
  readonly name?: string;
  /**
   * What becomes of the table, of both buckets and of the key when the stack is deleted. Private
   * keys are in them.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy.RETAIN | RemovalPolicy.DESTROY;
}

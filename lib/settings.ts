/**
 * The settings: the stack's parameters, one row each. A row is the only place in lib/ that names
 * the setting: the template's parameter, the functions' environment and docs/settings.md are made
 * from the rows.
 */
import type { FunctionName } from './function-names.ts';
import { issuersConstraint, issuersPattern } from './issuer-setting.ts';

export interface Setting {
  /** For the person who deploys the stack. */
  description: string;
  /**
   * A setting without a default must be given at the first deploy: only that person knows the
   * value.
   */
  default?: string;
  /**
   * CloudFormation refuses a value that does not match the whole pattern, before it changes
   * anything.
   */
  allowedPattern?: string;
  allowedValues?: string[];
  /** Characters. CloudFormation refuses a longer value, as it does a mistyped one. */
  maxLength?: number;
  constraintDescription?: string;
  /** A list is written with commas. */
  isList?: true;
  /** The functions that have the value in their environment. */
  readBy: FunctionName[];
  /** The name in the environment, where the name is not derived: `QuietHours` → `QUIET_HOURS`. */
  variable?: string;
}

/** The functions that know the configured issuers. */
const KNOW_ISSUERS: FunctionName[] = [
  ...(['ClaimDomain', 'CreateOrder', 'Validate', 'FinalizeOrder'] as const),
  ...(['RevokeCertificate', 'ParkDomain', 'ReadRenewalInfo'] as const),
];
const positive = { allowedPattern: '[1-9][0-9]{0,6}', constraintDescription: 'must be a number of 1 or more' };

const rows = {
  Issuers: {
    description:
      "The CAs, in the order in which they are tried. docs/settings.md has the form of the list. The default is Let's Encrypt's staging environment.",
    default: JSON.stringify([
      {
        name: 'letsencrypt-staging',
        directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
        profile: 'tlsserver',
      },
    ]),
    allowedPattern: issuersPattern,
    constraintDescription: issuersConstraint,
    maxLength: 3_000,
    readBy: KNOW_ISSUERS,
  },
  AcmeContact: {
    description: 'The addresses at which the CAs can reach you: mailto:name@example.com, several with commas.',
    allowedPattern: 'mailto:[^,@ ]+@[^,@ ]+(,mailto:[^,@ ]+@[^,@ ]+)*',
    constraintDescription: 'must be mailto: addresses with commas between them',
    readBy: KNOW_ISSUERS,
  },
  AcmeTermsAgreed: {
    description: 'Say yes when you have read the terms of service of each CA and agree to them.',
    allowedValues: ['yes'],
    readBy: KNOW_ISSUERS,
  },
  ChallengeZoneId: {
    description: 'The id of the hosted zone for delegated challenges (Z…).',
    allowedPattern: 'Z[A-Z0-9]+',
    constraintDescription: 'must be the id of a hosted zone: Z and capital letters and digits',
    readBy: ['ClaimDomain'],
  },
  ChallengeZoneName: {
    description: "That zone's name, without a dot at its end.",
    allowedPattern: '[a-z0-9.-]+[a-z0-9]',
    constraintDescription: 'must be a name in small letters, without a dot at its end',
    readBy: ['ClaimDomain'],
  },
  SenderRoleArns: {
    description:
      "The ARNs of the roles that may put events on the bus, for example your panel's role. Empty: no role may.",
    isList: true,
    default: '',
    allowedPattern: '(arn:aws[a-z-]*:iam::[0-9]{12}:role/[^*?]+)?',
    constraintDescription: 'must be ARNs of IAM roles, with commas between them',
    readBy: [],
  },
  Resolvers: {
    description: 'IP addresses of recursive resolvers, with commas. Empty: the resolvers that the functions have.',
    default: '',
    readBy: ['ClaimDomain', 'Validate', 'FinalizeOrder', 'LookFromOutside'],
  },
  TrustedRoots: {
    description:
      'PEM of the CA roots that are trusted beside the public roots, for a CA of your own. The environment of a ' +
      'function has 4 KB, also for Issuers: Lambda refuses more, and CloudFormation then rolls the deploy back.',
    default: '',
    maxLength: 2_900,
    readBy: [...KNOW_ISSUERS, 'AssembleDelivery', 'LookFromOutside'],
    variable: 'ROOTS',
  },
  DnsPropagationSeconds: {
    description: "The time, in seconds, after which Route 53's name servers usually answer with a change.",
    default: '30',
    allowedPattern: '[0-9]{1,3}',
    constraintDescription: 'must be a number of seconds from 0 to 999',
    readBy: ['PublishChallenges'],
  },
  QuietHours: {
    description:
      'The hours of the day (UTC) in which renewals that are in good time are delivered. Each server has its own ' +
      'moment in these hours. 0-0: the whole day.',
    default: '1-5',
    allowedPattern: '([0-9]|1[0-9]|2[0-3])-([0-9]|1[0-9]|2[0-3])',
    constraintDescription: 'must be two hours, like 1-5 or 22-4',
    readBy: ['FinalizeOrder', 'AssembleDelivery', 'ReleaseServer'],
  },
  OutsidePorts: {
    description:
      'The ports at which the mail servers are checked from outside, with commas. Add 25 when AWS lets your ' +
      'functions use the port. Empty: no port.',
    default: '443,465,587,993,995',
    allowedPattern: '([0-9]{2,3}(,[0-9]{2,3})*)?',
    constraintDescription: 'must be ports of two or three digits, with commas between them',
    readBy: ['LookFromOutside'],
  },
  RenewalInfoMinutes: {
    description:
      "The longest time between two reads of a certificate's renewal information (RFC 9773), in minutes. " +
      'The CA may ask for shorter times.',
    default: '360',
    // From 1 to 720: Let's Encrypt asks for two reads a day at least.
    allowedPattern: '[1-9]|[1-9][0-9]|[1-6][0-9]{2}|7[01][0-9]|720',
    constraintDescription: 'must be a number of minutes from 1 to 720',
    readBy: ['ReadRenewalInfo'],
  },
  AcmCertificates: {
    description:
      "The account's quota of imported certificates in ACM at a time (2,500 unless AWS raised the quota). " +
      'At the quota, no further domain is imported.',
    default: '2500',
    ...positive,
    readBy: ['ImportToAcm'],
  },
  AcmImportsAYear: {
    description:
      "The account's quota of imports into ACM in 365 days, renewals included (5,000 unless AWS raised the quota).",
    default: '5000',
    ...positive,
    readBy: ['ImportToAcm'],
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof rows;
export const settings: Record<SettingName, Setting> = rows;

/** `QuietHours` → `QUIET_HOURS`, the name under which the functions read the setting. */
export function variableOf(name: SettingName): string {
  return settings[name].variable ?? name.replace(/(?!^)[A-Z]/g, '_$&').toUpperCase();
}

/** What a person says at deploy. Contact, terms and challenge zone have no default: nobody but they can know them. */
import { CfnParameter, type Stack } from 'aws-cdk-lib';
import { issuersConstraint, issuersPattern } from './issuer-setting.ts';

export interface Settings {
  issuers: string;
  acmeContact: string;
  acmeTermsAgreed: string;
  challengeZoneId: string;
  challengeZoneName: string;
  senderRoles: CfnParameter;
  resolvers: string;
  roots: string;
  dnsPropagationSeconds: string;
  quietHours: string;
  outsidePorts: string;
  renewalInfoMinutes: string;
  acmCertificates: string;
  acmImportsAYear: string;
}

export function settings(stack: Stack): Settings {
  const text = (
    id: string,
    description: string,
    rest: { default?: string; allowedPattern?: string; allowedValues?: string[]; constraintDescription?: string },
  ) => new CfnParameter(stack, id, { type: 'String', description, ...rest }).valueAsString;
  const positive = { allowedPattern: '[1-9][0-9]{0,6}', constraintDescription: 'must be a number of 1 or more' };
  return {
    issuers: text(
      'Issuers',
      "The CAs in order, as docs/deploying.md shows. Let's Encrypt's staging until you say otherwise.",
      {
        default: JSON.stringify([
          {
            name: 'letsencrypt-staging',
            directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
            profile: 'tlsserver',
          },
        ]),
        allowedPattern: issuersPattern,
        constraintDescription: issuersConstraint,
      },
    ),
    acmeContact: text('AcmeContact', 'Where the CAs may reach you: mailto:name@example.com, several with commas.', {
      allowedPattern: 'mailto:[^,@ ]+@[^,@ ]+(,mailto:[^,@ ]+@[^,@ ]+)*',
      constraintDescription: 'must be mailto: addresses with commas between them',
    }),
    acmeTermsAgreed: text('AcmeTermsAgreed', 'yes, when you have read and agreed to the terms of service of each CA.', {
      allowedValues: ['yes'],
    }),
    challengeZoneId: text('ChallengeZoneId', 'The hosted zone for delegated challenges (Z…).', {
      allowedPattern: 'Z[A-Z0-9]+',
    }),
    challengeZoneName: text('ChallengeZoneName', "That zone's name, without a dot at its end.", {
      allowedPattern: '[a-z0-9.-]+[a-z0-9]',
    }),
    senderRoles: new CfnParameter(stack, 'SenderRoleArns', {
      type: 'CommaDelimitedList',
      description: "ARNs of the roles that may put events: your panel's. None: nobody may.",
      allowedPattern: '(arn:aws[a-z-]*:iam::[0-9]{12}:role/[^*?]+)?',
      constraintDescription: 'must be ARNs of IAM roles, with commas between them',
      default: '',
    }),
    resolvers: text(
      'Resolvers',
      'IP addresses of recursive resolvers, with commas; empty: the ones that the functions have.',
      { default: '' },
    ),
    outsidePorts: text(
      'OutsidePorts',
      'Ports of the mail servers that are looked at from outside, with commas; 25 as well once AWS lets your functions use it; empty: none.',
      { default: '443,465,587,993,995', allowedPattern: '([0-9]{2,3}(,[0-9]{2,3})*)?' },
    ),
    roots: text('TrustedRoots', 'PEM of CA roots to trust beside the public ones, for a CA of your own.', {
      default: '',
    }),
    dnsPropagationSeconds: text(
      'DnsPropagationSeconds',
      "How long Route 53's name servers take, as a rule, to answer with a change.",
      {
        default: '30',
        allowedPattern: '[0-9]{1,3}',
      },
    ),
    quietHours: text(
      'QuietHours',
      'Hours of the day (UTC) in which renewals in good time go out to the mail servers, each at its own moment; 0-0: the whole day.',
      {
        default: '1-5',
        allowedPattern: '([0-9]|1[0-9]|2[0-3])-([0-9]|1[0-9]|2[0-3])',
        constraintDescription: 'must be two hours, like 1-5 or 22-4',
      },
    ),
    acmCertificates: text(
      'AcmCertificates',
      "The account's quota of imported certificates in ACM at a time (2,500 unless AWS raised it): no more domains are imported.",
      { default: '2500', ...positive },
    ),
    acmImportsAYear: text(
      'AcmImportsAYear',
      "The account's quota of imports into ACM in 365 days, renewals among them (5,000 unless AWS raised it).",
      { default: '5000', ...positive },
    ),
    renewalInfoMinutes: text(
      'RenewalInfoMinutes',
      'How long a certificate may go without a look at its renewal information (RFC 9773), in minutes; the CA may ask for more often.',
      {
        default: '360',
        // 1 to 720: twice a day is what Let's Encrypt asks for at the least.
        allowedPattern: '[1-9]|[1-9][0-9]|[1-6][0-9]{2}|7[01][0-9]|720',
        constraintDescription: 'must be a number of minutes from 1 to 720',
      },
    ),
  };
}

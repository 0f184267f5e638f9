/** The properties of `Sealpost` as the text of the settings, each held to its setting's form. */
import { isIP } from 'node:net';
import { Token } from 'aws-cdk-lib';
import { parseIssuers } from '../core/acme/issuer.ts';
import type { Settings } from './parameters.ts';
import { settings as rows, type SettingName } from './settings.ts';
import type { SealpostProps } from './sealpost-props.ts';

/** A setting, and the property that a person writes for it. Without one it has its default. */
export const OF: Partial<Record<SettingName, keyof SealpostProps>> = {
  Issuers: 'issuers',
  AcmeContact: 'acmeContact',
  AcmeTermsAgreed: 'issuers',
  ChallengeZoneId: 'challengeZone',
  ChallengeZoneName: 'challengeZone',
  Resolvers: 'resolvers',
  TrustedRoots: 'trustedRoots',
  DnsPropagationSeconds: 'dnsPropagation',
  QuietHours: 'quietHours',
  OutsidePorts: 'outsidePorts',
  RenewalInfoMinutes: 'renewalInfoInterval',
  AcmCertificates: 'acmCertificates',
  AcmImportsAYear: 'acmImportsAYear',
  SenderRoleArns: 'senders',
};

const REQUIRED = ['acmeContact', 'challengeZone', 'issuers'] as const satisfies (keyof SealpostProps)[];

const names = (Object.keys(rows) as SettingName[]).filter(name => name !== 'SenderRoleArns');

/**
 * @param path of the construct, for the message
 * @throws Error with a sentence for each property that is wrong
 */
export function checked(props: SealpostProps, path: string): { settings: Settings; senders: string[] } {
  // JavaScript does not ask for what the types ask for.
  const missing = REQUIRED.filter(name => props[name] === undefined);
  if (missing.length > 0) throw new Error(`${path}: ${missing.map(name => `${name} is missing.`).join(' ')}`);
  const given = texts(props);
  const settings = Object.fromEntries(names.map(name => [name, given[name] ?? rows[name].default ?? ''])) as Settings;
  const wrong = [...names.flatMap(name => faults(name, settings[name])), ...others(props)];
  if (wrong.length > 0) throw new Error(`${path}: ${wrong.join(' ')}`);
  return { settings, senders: (props.senders ?? []).map(({ roleArn }) => roleArn) };
}

function texts(props: SealpostProps): Partial<Settings> {
  const { acmeContact, challengeZone, issuers, quietHours, acmCertificates, acmImportsAYear } = props;
  const contacts = typeof acmeContact === 'string' ? [acmeContact] : acmeContact;
  return {
    Issuers: JSON.stringify(issuers.map(({ configured }) => configured)),
    AcmeContact: contacts.map(contact => (isWhole(contact) ? contact : `mailto:${contact}`)).join(','),
    AcmeTermsAgreed: 'yes',
    ChallengeZoneId: challengeZone.hostedZoneId,
    ChallengeZoneName: nameOf(challengeZone).replace(/\.$/, ''),
    Resolvers: props.resolvers?.join(','),
    TrustedRoots: props.trustedRoots,
    DnsPropagationSeconds: props.dnsPropagation?.toSeconds().toString(),
    QuietHours: quietHours && `${quietHours.from}-${quietHours.to}`,
    OutsidePorts: props.outsidePorts?.join(','),
    RenewalInfoMinutes: props.renewalInfoInterval?.toMinutes().toString(),
    AcmCertificates: acmCertificates?.toString(),
    AcmImportsAYear: acmImportsAYear?.toString(),
  };
}

const isWhole = (contact: string) => Token.isUnresolved(contact) || contact.startsWith('mailto:');

/** A zone that was imported by its id alone throws when it is asked for its name. */
function nameOf(zone: SealpostProps['challengeZone']): string {
  try {
    return zone.zoneName;
  } catch {
    return '';
  }
}

/** What CloudFormation would refuse of the same value as a parameter. A token has no value yet. */
function faults(name: keyof Settings, value: string): string[] {
  if (Token.isUnresolved(value)) return [];
  const { allowedPattern, constraintDescription, maxLength } = rows[name];
  const said = value === '' ? 'is empty' : `is ${value.length > 60 ? `${value.slice(0, 60)}…` : value}`;
  if (maxLength !== undefined && value.length > maxLength)
    return [`${OF[name]} has ${value.length} characters; it may have ${maxLength}.`];
  if (allowedPattern === undefined || new RegExp(`^(?:${allowedPattern})$`).test(value)) return [];
  if (name === 'ChallengeZoneName' && value === '')
    return ['challengeZone has no name; import the zone with HostedZone.fromHostedZoneAttributes.'];
  return [`${OF[name]} ${said}; it ${constraintDescription ?? `must match ${allowedPattern}`}.`];
}

/** What no pattern can say. */
function others({ issuers, resolvers = [], trustedRoots = '' }: SealpostProps): string[] {
  const wrong = resolvers.filter(address => !Token.isUnresolved(address) && isIP(address) === 0);
  const noPem = trustedRoots !== '' && !Token.isUnresolved(trustedRoots) && !/-----BEGIN CERT/.test(trustedRoots);
  return [
    ...(issuers.length === 0 ? ['issuers is empty; name one at least, such as Issuer.letsEncrypt().'] : twice(issuers)),
    ...wrong.map(address => `resolvers has ${address}; it must be an IP address.`),
    ...(noPem ? ['trustedRoots has no certificate; it must be PEM.'] : []),
  ];
}

function twice(issuers: SealpostProps['issuers']): string[] {
  const nobody = { contact: [], termsAgreed: true, roots: '', userAgent: '', parameters: '' };
  try {
    parseIssuers(JSON.stringify(issuers.map(({ configured }) => configured)), nobody);
    return [];
  } catch (error) {
    return [`issuers: ${(error as Error).message}.`];
  }
}

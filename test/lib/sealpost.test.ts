/** The construct in code: what it makes, and what it says of a property that is wrong. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { functionNames, kebab } from '../../lib/function-names.ts';
import { judgeIdentifiers } from '../../lib/judges/identifiers.ts';
import { judgePolicies } from '../../lib/judges/policies.ts';
import { Issuer, Sealpost, type SealpostProps } from '../../lib/sealpost.ts';
import { OF } from '../../lib/properties.ts';
import { settings } from '../../lib/settings.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';

let directory: string;
/** No function runs here, so one small folder is the code of all. */
const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname }]));
vi.mock('../../lib/prebuilt.ts', () => ({ prebuilt: () => bundles }));

beforeAll(() => {
  // CDK's own validation is half of the time; what deploys runs it.
  process.env['CDK_VALIDATION'] = 'false';
  directory = mkdtempSync(join(tmpdir(), 'sealpost-construct-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let apps = 0;
function stackOf(id = 'Provider'): Stack {
  const outdir = join(directory, `${(apps += 1)}`);
  mkdirSync(outdir);
  return new Stack(new App({ analyticsReporting: false, outdir }), id);
}
const zone = (stack: Stack) =>
  (stack.node.tryFindChild('Zone') as route53.IHostedZone | undefined) ??
  route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
    hostedZoneId: 'Z0000000000000',
    zoneName: 'acme.provider.example',
  });
const least = (stack: Stack): SealpostProps => ({
  acmeContact: 'certificates@provider.example',
  challengeZone: zone(stack),
  issuers: [Issuer.letsEncrypt()],
});

interface Resource {
  Type: string;
  Properties: Record<string, any>;
}
const resourcesOf = (stack: Stack) => Template.fromStack(stack).toJSON().Resources as Record<string, Resource>;

test('two in one stack have no name in common, and hold what npm run synth asks', async () => {
  const stack = stackOf();
  const panel = new iam.Role(stack, 'Panel', { assumedBy: new iam.AccountRootPrincipal() });
  const first = new Sealpost(stack, 'Mail', { ...least(stack), senders: [panel] });
  const second = new Sealpost(stack, 'Trial', { ...least(stack), issuers: [Issuer.letsEncryptStaging()] });
  expect(first.name).not.toBe(second.name);
  const resources = resourcesOf(stack);
  const names = Object.values(resources).flatMap(({ Type, Properties }) =>
    Object.entries(Properties ?? {}).flatMap(([property, value]) =>
      /Name$/.test(property) && !/^(PolicyName|MetricName)$/.test(property) && typeof value === 'string'
        ? [`${Type} ${property} ${value}`]
        : [],
    ),
  );
  expect(names.length).toBeGreaterThan(2 * functionNames.length);
  expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([]);
  const template = { Resources: resources };
  expect(await judgePolicies(template)).toBeGreaterThan(400);
  expect(judgeIdentifiers(template, { stackName: stack.stackName })).toBe(Object.keys(resources).length);
});

test('a role of the same app is a sender, and without one no role is', () => {
  const stack = stackOf();
  const panel = new iam.Role(stack, 'Panel', { assumedBy: new iam.AccountRootPrincipal() });
  new Sealpost(stack, 'Mail', { ...least(stack), senders: [panel] });
  new Sealpost(stack, 'Closed', least(stack));
  const senders = Object.values(resourcesOf(stack))
    .filter(({ Type }) => Type === 'AWS::Events::EventBus')
    .map(({ Properties }) => Properties.Policy.Statement[2].Condition.ArnLike['aws:PrincipalArn']);
  expect(senders[0]).toEqual([{ 'Fn::GetAtt': [expect.stringContaining('Panel'), 'Arn'] }]);
  expect(JSON.stringify(senders[1])).toContain(':iam::999999999999:role/nobody-is-named');
});

test('it makes what the stack of this repository makes, with values in place of parameters', () => {
  const stack = stackOf('sealpost');
  new Sealpost(stack, 'Default', { ...least(stack), name: 'sealpost' });
  const app = new App({ analyticsReporting: false, outdir: join(directory, 'ours') });
  const ours = new SealpostStack(app, 'sealpost', { bundles });
  const [made, theirs] = [resourcesOf(stack), resourcesOf(ours)];
  expect(Object.keys(made).sort()).toEqual(Object.keys(theirs).sort());
  const without = ({ Type, Properties }: Resource) => ({ Type, names: Object.keys(Properties ?? {}).sort() });
  for (const [id, resource] of Object.entries(made)) expect(without(resource), id).toEqual(without(theirs[id]!));
});

test('each setting has a property', () => {
  expect(Object.keys(settings).filter(name => !Object.hasOwn(OF, name))).toEqual([]);
});

test('each property arrives in the environment of the functions that read its setting', () => {
  const stack = stackOf();
  new Sealpost(stack, 'Mail', {
    ...least(stack),
    acmeContact: ['mailto:one@provider.example', 'two@provider.example'],
    issuers: [
      Issuer.letsEncrypt(),
      Issuer.acme({ name: 'other', directory: 'https://ca.example/acme', externalAccount: true }),
    ],
    resolvers: ['192.0.2.53', '2001:db8::53'],
    trustedRoots: '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n',
    dnsPropagation: Duration.minutes(1),
    quietHours: { from: 22, to: 4 },
    outsidePorts: [993],
    renewalInfoInterval: Duration.hours(12),
    acmCertificates: 100,
    acmImportsAYear: 200,
    name: 'mail',
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const resources = Object.values(resourcesOf(stack));
  const all = Object.assign(
    {},
    ...resources.map(({ Type, Properties }) =>
      Type === 'AWS::Lambda::Function' ? Properties.Environment?.Variables : {},
    ),
  );
  expect(all).toMatchObject({
    ...{ ACME_CONTACT: 'mailto:one@provider.example,mailto:two@provider.example', ACME_TERMS_AGREED: 'yes' },
    ...{ CHALLENGE_ZONE_ID: 'Z0000000000000', CHALLENGE_ZONE_NAME: 'acme.provider.example' },
    ...{ RESOLVERS: '192.0.2.53,2001:db8::53', DNS_PROPAGATION_SECONDS: '60', QUIET_HOURS: '22-4' },
    ...{ OUTSIDE_PORTS: '993', RENEWAL_INFO_MINUTES: '720', ACM_CERTIFICATES: '100', ACM_IMPORTS_A_YEAR: '200' },
    ...{ ROOTS: expect.stringContaining('BEGIN CERTIFICATE'), STACK: 'mail', BUS: 'mail' },
  });
  expect(JSON.parse(all.ISSUERS)).toEqual([
    { name: 'letsencrypt', directory: 'https://acme-v02.api.letsencrypt.org/directory', profile: 'tlsserver' },
    { name: 'other', directory: 'https://ca.example/acme', externalAccount: true },
  ]);
  const kept = resources.filter(resource => (resource as { DeletionPolicy?: string }).DeletionPolicy === 'Retain');
  expect(kept).toEqual([]);
});

test('the names of functions are those that the command line asks for', () => {
  const stack = stackOf();
  const { name } = new Sealpost(stack, 'Mail', least(stack));
  const made = Object.values(resourcesOf(stack)).flatMap(({ Type, Properties }) =>
    Type === 'AWS::Lambda::Function' ? Properties.FunctionName : [],
  );
  expect(made.sort()).toEqual(functionNames.map(one => `${name}-${kebab(one)}`).sort());
  const outputs = Template.fromStack(stack).toJSON().Outputs as Record<string, { Value: unknown }>;
  expect(Object.values(outputs).map(({ Value }) => Value)).toContain(name);
});

describe('a property that is wrong is named with what it must be:', () => {
  const sentence = (wrong: Partial<SealpostProps>, id = 'Mail') => {
    const stack = stackOf();
    try {
      new Sealpost(stack, id, { ...least(stack), ...wrong });
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing is wrong';
  };

  test.each<[Partial<SealpostProps>, string]>([
    [{ acmeContact: 'nobody' }, 'acmeContact is mailto:nobody; it must be mailto: addresses with commas between them.'],
    [{ acmeContact: [] }, 'acmeContact is empty; it must be mailto: addresses'],
    [{ issuers: [] }, 'issuers is empty; name one at least, such as Issuer.letsEncrypt().'],
    [{ issuers: [Issuer.letsEncrypt(), Issuer.letsEncrypt()] }, 'issuers: the setting Issuers has letsencrypt twice'],
    [{ resolvers: ['dns.example'] }, 'resolvers has dns.example; it must be an IP address.'],
    [{ trustedRoots: 'root.pem' }, 'trustedRoots has no certificate; it must be PEM.'],
    [{ trustedRoots: 'x'.repeat(3_000) }, 'trustedRoots has 3000 characters; it may have 2900.'],
    [{ dnsPropagation: Duration.hours(1) }, 'dnsPropagation is 3600; it must be a number of seconds from 0 to 999.'],
    [{ quietHours: { from: 1, to: 24 } }, 'quietHours is 1-24; it must be two hours, like 1-5 or 22-4.'],
    [{ outsidePorts: [5] }, 'outsidePorts is 5; it must be ports of two or three digits'],
    [{ renewalInfoInterval: Duration.days(1) }, 'renewalInfoInterval is 1440; it must be a number of minutes from 1'],
    [{ acmCertificates: 0 }, 'acmCertificates is 0; it must be a number of 1 or more.'],
    [{ acmImportsAYear: -1 }, 'acmImportsAYear is -1; it must be a number of 1 or more.'],
    [{ name: 'awsmail' }, "Provider/Mail: the name awsmail begins as AWS's own names do"],
    [{ name: 'a'.repeat(38) }, 'has more than 37 characters'],
    [{ name: 'our mail' }, 'Provider/Mail: the name our mail has other characters than letters, digits and -'],
  ])('%o', (wrong, expected) => expect(sentence(wrong)).toContain(expected));

  test('a zone without a name', () => {
    const challengeZone = route53.HostedZone.fromHostedZoneId(stackOf(), 'Zone', 'Z0000000000000');
    expect(sentence({ challengeZone })).toContain('challengeZone has no name; import the zone with');
  });

  test('all of them at once, after the path of the construct', () => {
    expect(sentence({ acmeContact: 'x', resolvers: ['y'] }, 'Post')).toMatch(
      /^Provider\/Post: acmeContact .* resolvers /,
    );
  });

  test.each([
    [{ name: 'Big', directory: 'https://ca.example' }, 'the issuer "Big": name: '],
    [{ name: 'ca', directory: 'http://ca.example' }, 'the issuer "ca": directory: '],
    [{ name: 'ca', directory: 'https://ca.example', profile: 'a b' }, 'the issuer "ca": profile: '],
  ])('an issuer %o', (options, expected) => expect(() => Issuer.acme(options)).toThrow(expected));

  test('a token has no value yet, and is left to CloudFormation', () => {
    const stack = stackOf();
    const hours = new CfnParameter(stack, 'Contact').valueAsString;
    expect(() => new Sealpost(stack, 'Mail', { ...least(stack), acmeContact: hours })).not.toThrow();
  });
});

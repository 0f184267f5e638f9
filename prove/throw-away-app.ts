/**
 * The CDK app of `npm run prove -- --throw-away`: a stack that keeps nothing, and a mail server for
 * it, as Debian delivers one. Context: `zoneId`, `zoneName`, and `server`, the host name.
 */
import { readFileSync } from 'node:fs';
import { App, CfnOutput, RemovalPolicies, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { bundle } from '../lib/bundles.ts';
import { functionNames } from '../lib/function-names.ts';
import { SealpostStack } from '../lib/sealpost-stack.ts';
import { NODE_OUTPUT, SERVER_STACK, STACK } from './throw-away.ts';

/** Debian publishes the newest image of its release 12 there. */
const IMAGE = '/aws/service/debian/release/12/latest/arm64';
const PORTS = [25, 143, 993];

export interface ThrownAway {
  zone: { id: string; name: string };
  server: string;
}

export function throwAway(app: App, bundles: ReturnType<typeof bundle>, { zone, server }: ThrownAway): void {
  const stack = new SealpostStack(app, STACK, { bundles, keepsNothing: true });
  RemovalPolicies.of(stack).destroy();
  const around = new Stack(app, SERVER_STACK);
  around.addStackDependency(stack);
  const vpc = new ec2.Vpc(around, 'Network', {
    ...{ maxAzs: 1, natGateways: 0 },
    subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC }],
  });
  const instance = new ec2.Instance(around, 'Server', {
    ...{ vpc, requireImdsv2: true, associatePublicIpAddress: true },
    instanceType: ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
    machineImage: ec2.MachineImage.fromSsmParameter(IMAGE, { userData: mailServer(around, server) }),
    role: iam.Role.fromRoleName(around, 'Role', `${STACK}-mail-server-${around.region}`),
  });
  for (const port of PORTS) instance.connections.allowFromAnyIpv4(ec2.Port.tcp(port));
  Tags.of(instance).add('sealpost:mail-server', STACK);
  new route53.ARecord(around, 'Address', {
    zone: route53.PublicHostedZone.fromHostedZoneAttributes(around, 'Zone', {
      ...{ hostedZoneId: zone.id, zoneName: zone.name },
    }),
    recordName: `${server}.`,
    target: route53.RecordTarget.fromIpAddresses(instance.instancePublicIp),
  });
  new CfnOutput(around, NODE_OUTPUT, { value: instance.instanceId });
}

/** The script of the first start. The agent's package is in a bucket of AWS. */
function mailServer({ region, urlSuffix }: Stack, server: string): ec2.UserData {
  const agent = `https://s3.${region}.${urlSuffix}/amazon-ssm-${region}/latest/debian_arm64/amazon-ssm-agent.deb`;
  const script = readFileSync(new URL('mail-server.sh', import.meta.url), 'utf8');
  return ec2.UserData.custom(script.replace('set -eu\n', `server=${server}\nagent=${agent}\nset -eu\n`));
}

if (import.meta.main) {
  const app = new App({ analyticsReporting: false });
  const given = (name: string) => String(app.node.getContext(name));
  const zone = { id: given('zoneId'), name: given('zoneName') };
  throwAway(app, bundle(functionNames), { zone, server: given('server') });
  app.synth();
}

/** A whole app: sealpost in one stack, a page to the person on duty, and an alarm of your own. */
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Issuer, Sealpost } from 'sealpost';

const app = new App();
const stack = new Stack(app, 'Provider');

// Customers' zones have one CNAME of _acme-challenge into this zone.
const challengeZone = route53.HostedZone.fromHostedZoneAttributes(stack, 'ChallengeZone', {
  hostedZoneId: 'Z0123456789ABCDEFGHIJ',
  zoneName: 'acme.provider.example',
});
// The role that your panel has. It may put events on the bus, and nobody else may.
const panelRole = iam.Role.fromRoleArn(stack, 'Panel', 'arn:aws:iam::111122223333:role/panel');

const mail = new Sealpost(stack, 'Mail', {
  acmeContact: 'certificates@provider.example',
  challengeZone,
  senders: [panelRole],
  // Begin with Issuer.letsEncryptStaging(), whose certificates nobody trusts.
  issuers: [Issuer.letsEncrypt()],
});

mail.pages.addSubscription(new EmailSubscription('duty@provider.example'));
mail
  .metricUnverified()
  .createAlarm(stack, 'Unverified', { threshold: 50, evaluationPeriods: 2, alarmDescription: 'docs/runbook.md' });

// What your panel and your mail servers need to know.
new CfnOutput(stack, 'Bus', { value: mail.bus.eventBusName });
new CfnOutput(stack, 'RoleOfMailServers', { value: mail.mailServerRole.roleName });

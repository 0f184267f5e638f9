/** The whole of sealpost in one account and region, in the order of the diagram in the README. */
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Bundle } from './bundles.ts';
import { guard, Rules } from './buses.ts';
import { Functions } from './deployed-functions.ts';
import { MailServers } from './mail-servers.ts';
import { Pages } from './pages.ts';
import { parameters as declare } from './parameters.ts';
import { Schedules } from './schedules.ts';
import { StateMachines } from './state-machines.ts';
import { Storage } from './storage.ts';

/**
 * Of a stack's name. A role's name has 64 at most, and the mail servers' role is named
 * `<stack>-mail-server-<region>`.
 */
const MOST_CHARACTERS = 64 - '-mail-server-ap-southeast-1'.length;

export class SealpostStack extends Stack {
  /** @param props.keepsNothing true: for a stack that is tried and destroyed */
  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { bundles: Record<string, Bundle>; keepsNothing?: boolean },
  ) {
    super(scope, id, props);
    // The names of the SSM document and of the issuers' parameters begin with the stack's name.
    if (/^(aws|ssm|amazon|amzn)/i.test(this.stackName))
      throw new Error(`the stack's name ${this.stackName} begins as AWS's own names do (aws, ssm, amazon, amzn)`);
    if (this.stackName.length > MOST_CHARACTERS)
      throw new Error(`the stack's name ${this.stackName} has more than ${MOST_CHARACTERS} characters`);
    const parameters = declare(this);
    const bus = new events.EventBus(this, 'Bus', { eventBusName: this.stackName });
    const deadLetters = new sqs.Queue(this, 'DeadLetters', {
      queueName: `${this.stackName}-dead-letters`,
      retentionPeriod: Duration.days(14),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });

    const storage = new Storage(this, 'Storage', { keepsNothing: props.keepsNothing });
    const mailServers = new MailServers(this, 'MailServers', this, storage);
    // By name, not by reference: the bus's policy refers to the functions' roles, and their rights
    // refer to the bus.
    const busArn = this.formatArn({ service: 'events', resource: 'event-bus', resourceName: this.stackName });
    const resources = { storage, parameters, mailServers, busArn };
    const ofFunctions = { ...resources, stack: this, busName: this.stackName, deadLetters, bundles: props.bundles };
    const functions = new Functions(this, 'Functions', ofFunctions);
    const machines = new StateMachines(this, 'StateMachines', this, functions, { arn: busArn, name: this.stackName });
    const ours = [...functions.publishers, ...machines.roles];
    guard({ bus, busArn }, this, { senders: parameters.SenderRoleArns, ours });
    new Rules(this, 'Rules', { bus, deadLetters, machines, functions, mailServers });
    const schedules = new Schedules(this, 'Schedules', { stackName: this.stackName, functions });
    const pages = new Pages(this, 'Pages', {
      machines: [machines.secureDomain, machines.registerServer, machines.deliverToServer],
      deadLetters,
      silences: schedules.alarms,
      bus,
    });

    const outputs = {
      BusName: bus.eventBusName,
      TableName: storage.table.tableName,
      CertificateBucket: storage.certificates.bucketName,
      DeliveryBucket: storage.deliveries.bucketName,
      KeyArn: storage.key.keyArn,
      DeadLettersUrl: deadLetters.queueUrl,
      PagesTopic: pages.topic.topicArn,
      MailServerRole: mailServers.roleName,
      MailServerPolicy: mailServers.roleName,
      SecureDomain: machines.secureDomain.stateMachineArn,
      RegisterServer: machines.registerServer.stateMachineArn,
      DeliverToServer: machines.deliverToServer.stateMachineArn,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

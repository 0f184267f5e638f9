/** The stack of this repository, which a person deploys with parameters instead of code. */
import { CfnCondition, CfnOutput, Fn, Stack, Token, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { nobody } from './buses.ts';
import type { Bundle } from './deployed-functions.ts';
import { Deployment } from './deployment.ts';
import { mustBeName } from './name.ts';
import { parameters as declare, valuesOf } from './parameters.ts';

export class SealpostStack extends Stack {
  /** @param props.keepsNothing true: for a stack that is tried and destroyed */
  constructor(
    scope: Construct,
    id: string,
    { bundles, keepsNothing, ...props }: StackProps & { bundles: Record<string, Bundle>; keepsNothing?: boolean },
  ) {
    super(scope, id, props);
    mustBeName(this.stackName, { of: "the stack's name" });
    const parameters = declare(this);
    const named = new CfnCondition(this, 'SendersAreNamed', {
      expression: Fn.conditionNot(Fn.conditionEquals(Fn.join('', parameters.SenderRoleArns.valueAsList), '')),
    });
    const senders = Fn.conditionIf(named.logicalId, parameters.SenderRoleArns.valueAsList, nobody(this));
    // CDK leaves the id "Default" out of the ids in the template. With another id here, an upgrade
    // would replace every resource of the stacks that exist.
    const made = new Deployment(this, 'Default', {
      name: this.stackName,
      settings: valuesOf(parameters),
      senders: Token.asList(senders),
      bundles,
      keepsNothing,
    });

    const outputs = {
      BusName: made.bus.eventBusName,
      TableName: made.table.tableName,
      CertificateBucket: made.certificates.bucketName,
      DeliveryBucket: made.deliveries.bucketName,
      KeyArn: made.key.keyArn,
      DeadLettersUrl: made.deadLetters.queueUrl,
      PagesTopic: made.pages.topicArn,
      MailServerRole: made.mailServerRole.roleName,
      MailServerPolicy: made.mailServerRole.roleName,
      SecureDomain: made.secureDomain.stateMachineArn,
      RegisterServer: made.registerServer.stateMachineArn,
      DeliverToServer: made.deliverToServer.stateMachineArn,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

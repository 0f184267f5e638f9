/** What the package `sealpost` exports: the construct, and the issuers that it is given. */
import { CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { nobody } from './buses.ts';
import { Deployment } from './deployment.ts';
import { prebuilt } from './prebuilt.ts';
import { checked } from './properties.ts';
import type { SealpostProps } from './sealpost-props.ts';

export { Deployment } from './deployment.ts';
export { Issuer, type AcmeIssuer, type AcmeLimits } from './issuer.ts';
export type { SealpostProps } from './sealpost-props.ts';

/**
 * Sealpost in one account and region. Nothing is built and nothing is downloaded at synth: the
 * functions' code is in the package.
 * @throws Error with a sentence for each property that is wrong
 */
export class Sealpost extends Deployment {
  constructor(scope: Construct, id: string, props: SealpostProps) {
    const { settings, senders } = checked(props, `${scope.node.path}/${id}`.replace(/^\//, ''));
    super(scope, id, {
      name: props.name,
      settings,
      senders: senders.length > 0 ? senders : nobody(Stack.of(scope)),
      bundles: prebuilt(),
      keepsNothing: props.removalPolicy === RemovalPolicy.DESTROY,
    });
    new CfnOutput(this, 'Name', { value: this.name, description: 'sealpost --stack' });
  }
}

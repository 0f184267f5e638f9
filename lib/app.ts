/** The CDK app: `cdk synth` runs it, and so does the local provider. */
import { App } from 'aws-cdk-lib';
import { bundle } from './bundles.ts';
import { functionNames } from './function-names.ts';
import { SealpostStack } from './sealpost-stack.ts';

const app = new App({ analyticsReporting: false });
new SealpostStack(app, app.node.tryGetContext('stack') ?? 'sealpost', { bundles: bundle(functionNames) });
app.synth();

/**
 * The stack as `integ-runner` deploys it (`npm run integ -- --update-on-failed`): into an account,
 * with assertions, and destroyed afterwards. Without an account, the runner compares the template
 * with the snapshot beside this file.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, RemovalPolicies } from 'aws-cdk-lib';
import { ExpectedResult, IntegTest, Match } from '@aws-cdk/integ-tests-alpha';
import { bundle } from '../../lib/bundles.ts';
import { functionNames } from '../../lib/function-names.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';

const NAME = 'sealpost-integ';
const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as { context: object };

// The runner sets feature flags of its own. Ours come last, so that they hold as in a deploy.
const app = new App({ analyticsReporting: false, postCliContext: { ...context } });
const stack = new SealpostStack(app, NAME, { bundles: bundle(functionNames) });
// A deploy keeps the table, the buckets and the key, because keys are in them. Here there are none.
RemovalPolicies.of(stack).destroy();

const integ = new IntegTest(app, 'Integ', {
  testCases: [stack],
  diffAssets: false,
  // The update workflow deploys the snapshot first, whose assets are not in the repository.
  stackUpdateWorkflow: false,
  cdkCommandOptions: {
    deploy: {
      args: {
        // No order is made, so the zone need not be there.
        parameters: {
          ...{ AcmeContact: 'mailto:certificates@provider.example', AcmeTermsAgreed: 'yes' },
          ...{ ChallengeZoneId: 'Z0000000000000', ChallengeZoneName: 'acme.provider.example' },
        },
      },
    },
  },
});

const bus = integ.assertions.awsApiCall('eventbridge', 'DescribeEventBus', { Name: NAME });
for (const sid of ['OnlySendersAndOurRoles', 'OnlyOurRolesSpeakAsSealpost', 'NamedSendersMaySpeak'])
  bus.assertAtPath('Policy', ExpectedResult.stringLikeRegexp(sid));
// The sweep reads the table with its own role, and finds nothing to do.
integ.assertions
  .invokeFunction({ functionName: `${NAME}-sweep` })
  .expect(
    ExpectedResult.objectLike({ Payload: Match.serializedJson({ domains: 0, servers: 0, resumed: 0, failed: 0 }) }),
  );

/**
 * integ-runner 2.197.10, the newest, reads manifests up to this version; aws-cdk-lib writes 55. The
 * runner deploys templates and assets, whose form has stayed the same.
 */
const READABLE = '53.0.0';
const { directory } = app.synth();
for (const name of readdirSync(directory).filter(file => /^(manifest|integ|.*\.assets)\.json$/.test(file))) {
  const file = join(directory, name);
  const content = JSON.parse(readFileSync(file, 'utf8')) as { version: string; artifacts?: Record<string, object> };
  content.version = READABLE;
  // The tree and the metadata of constructs are larger than the template, and nobody compares them.
  delete content.artifacts?.['Tree'];
  for (const artifact of Object.values(content.artifacts ?? {})) delete (artifact as Metadata).additionalMetadataFile;
  writeFileSync(file, JSON.stringify(content, undefined, 2));
}

interface Metadata {
  additionalMetadataFile?: string;
}

/**
 * What an upgrade must leave in place. CloudFormation replaces a resource if its logical id or one
 * of its lasting properties changes, and what was in it is then gone from the stack.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functionNames } from '../../lib/function-names.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';

/** Of every stack so far. A change here is a major version (docs/releasing.md). */
const LASTING: Record<string, { type: string; lasting: Record<string, unknown> }> = {
  StorageTableB43FDCE7: {
    type: 'AWS::DynamoDB::GlobalTable',
    lasting: {
      TableName: undefined,
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    },
  },
  StorageCertificates184D4403: { type: 'AWS::S3::Bucket', lasting: { BucketName: undefined } },
  StorageDeliveriesE42B5069: { type: 'AWS::S3::Bucket', lasting: { BucketName: undefined } },
  StorageKeyBAA9457B: { type: 'AWS::KMS::Key', lasting: { KeySpec: undefined, KeyUsage: undefined } },
};
const WITH_DATA = ['AWS::DynamoDB::GlobalTable', 'AWS::S3::Bucket', 'AWS::KMS::Key'];

interface Resource {
  Type: string;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  Properties: Record<string, unknown>;
}
let directory: string;
let resources: Record<string, Resource>;

beforeAll(() => {
  // CDK's own validation is half of the time; what deploys runs it.
  process.env['CDK_VALIDATION'] = 'false';
  directory = mkdtempSync(join(tmpdir(), 'sealpost-upgrade-'));
  const app = new App({ analyticsReporting: false, outdir: directory });
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname }]));
  resources = Template.fromStack(new SealpostStack(app, 'sealpost', { bundles })).toJSON().Resources;
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('what has data keeps its logical id and what CloudFormation cannot change in place', () => {
  const withData = Object.entries(resources).filter(([, { Type }]) => WITH_DATA.includes(Type));
  const found = withData.map(([id, { Type, Properties }]) => {
    const asked = Object.keys(LASTING[id]?.lasting ?? {});
    return [id, { type: Type, lasting: Object.fromEntries(asked.map(name => [name, Properties[name]])) }];
  });
  expect(Object.fromEntries(found)).toEqual(LASTING);
});

test('what has data stays when the stack is deleted, or when a mistake would replace it', () => {
  for (const id of Object.keys(LASTING))
    expect(resources[id], id).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
});

test('the names with which others reach the stack are the names that they know', () => {
  const named = (type: string, property: string) =>
    Object.values(resources).flatMap(({ Type, Properties }) => (Type === type ? [Properties[property]] : []));
  expect(named('AWS::Events::EventBus', 'Name')).toEqual(['sealpost']);
  expect(named('AWS::SSM::Document', 'Name')).toEqual(['sealpost-deliver']);
  expect(named('AWS::SNS::Topic', 'TopicName')).toEqual(['sealpost-pages']);
  const [role] = named('AWS::IAM::ManagedPolicy', 'ManagedPolicyName');
  expect(JSON.stringify(role)).toContain('sealpost-mail-server-');
});

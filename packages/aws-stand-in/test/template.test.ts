import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCloud } from '../src/cloud.ts';
import type { RunningCloud } from '../src/cloud.ts';
import type { ResourceRequest, Service } from '../src/service/service.ts';
import { loadTemplate, physicalName } from '../src/template/template.ts';

let directory: string;
let cloud: RunningCloud;
let made: ResourceRequest[];

/** A service with one resource type that records what it is asked to create. */
const things: Service = {
  name: 'things',
  model: {},
  client: '',
  operations: {},
  resources: {
    'Test::Thing'(request) {
      made.push(request);
      if (request.properties.Broken) throw new Error('that is refused');
      const ref = physicalName(request, 'ThingName');
      return { ref, attributes: { Arn: `arn:thing/${ref}` } };
    },
  },
};

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'template-'));
  cloud = await startCloud({ directory, services: [] });
  made = [];
});

afterEach(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true });
});

async function load(template: object, parameters: Record<string, string> = {}, stackName = 'shop') {
  await writeFile(path.join(directory, `${stackName}.template.json`), JSON.stringify(template));
  return loadTemplate(cloud, [things], { cdkOut: directory, stackName, parameters });
}

const thing = (Properties: object = {}, more: object = {}) => ({ Type: 'Test::Thing', Properties, ...more });
const names = () => made.map(({ logicalId }) => logicalId);

/** Returns the resolved value of the one property of a resource beside `Other`. */
async function resolved(value: unknown, template: object = {}, parameters: Record<string, string> = {}) {
  await load({ ...template, Resources: { Other: thing(), Subject: thing({ Value: value }) } }, parameters);
  return made.find(({ logicalId }) => logicalId === 'Subject')!.properties.Value;
}

describe('the order of creation', () => {
  test('a resource is created after those that it names, however it names them', async () => {
    await load({
      Resources: {
        A: thing({ Deep: [{ Value: { Ref: 'B' } }] }),
        B: thing({ Value: { 'Fn::GetAtt': ['C', 'Arn'] } }),
        C: thing({ Value: { 'Fn::Sub': 'x${D.Arn}' } }),
        D: thing({}, { DependsOn: ['E'] }),
        E: thing(),
      },
    });
    expect(names()).toEqual(['E', 'D', 'C', 'B', 'A']);
  });

  test('resources that need each other are refused, and the message shows the circle', async () => {
    const Resources = {
      A: thing({ Value: { Ref: 'B' } }),
      B: thing({}, { DependsOn: 'C' }),
      C: thing({ Value: { Ref: 'A' } }),
    };
    await expect(load({ Resources })).rejects.toThrow('circular dependency A → B → C → A');
  });

  test('an unknown type stops the load before anything is created', async () => {
    const Resources = { A: thing(), B: { Type: 'AWS::EC2::Instance' } };
    await expect(load({ Resources })).rejects.toThrow('B.Type: AWS::EC2::Instance');
    expect(made).toEqual([]);
  });

  test("a service's refusal is reported with the logical id and the type", async () => {
    await expect(load({ Resources: { A: thing({ Broken: true }) } })).rejects.toThrow(
      'A (Test::Thing): that is refused',
    );
  });
});

describe('intrinsics', () => {
  test.each([
    [{ Ref: 'Other' }, 'shop-Other'],
    [{ 'Fn::GetAtt': ['Other', 'Arn'] }, 'arn:thing/shop-Other'],
    [{ 'Fn::GetAtt': 'Other.Arn' }, 'arn:thing/shop-Other'],
    [{ 'Fn::Join': ['-', ['a', { Ref: 'Other' }, 3]] }, 'a-shop-Other-3'],
    [
      { 'Fn::Sub': '${AWS::Partition}/${Other}/${Other.Arn}/${!Kept}/$x' },
      'aws/shop-Other/arn:thing/shop-Other/${Kept}/$x',
    ],
    [{ 'Fn::Sub': ['${Given}!', { Given: { Ref: 'Other' } }] }, 'shop-Other!'],
    [{ 'Fn::Select': ['1', { 'Fn::Split': ['/', { 'Fn::GetAtt': ['Other', 'Arn'] }] }] }, 'shop-Other'],
    [{ 'Fn::Join': [',', { 'Fn::Split': ['-', 'a-b'] }] }, 'a,b'],
    [[{ Ref: 'AWS::NoValue' }, 'kept'], ['kept']],
    [{ gone: { Ref: 'AWS::NoValue' }, kept: false }, { kept: false }],
    [
      { 'Fn::Sub': '${AWS::Region} ${AWS::AccountId} ${AWS::URLSuffix} ${AWS::StackName}' },
      'us-east-1 000000000000 amazonaws.com shop',
    ],
    [{ Condition: { StringEquals: { a: 'b' } } }, { Condition: { StringEquals: { a: 'b' } } }],
  ])('%j becomes %j', async (value, expected) => {
    expect(await resolved(value)).toEqual(expected);
  });

  test.each([
    [{ 'Fn::ImportValue': 'x' }, 'Subject.Properties.Value: Fn::ImportValue is not understood'],
    [{ Ref: 'Nobody' }, 'Subject.Properties.Value: names Nobody'],
    [{ Ref: 'AWS::NotificationARNs' }, 'Subject.Properties.Value: names AWS::NotificationARNs'],
    [{ 'Fn::GetAtt': ['Other', 'Colour'] }, 'Subject.Properties.Value: Test::Thing Other has no attribute Colour'],
    [{ deep: [{ 'Fn::Sub': '${Nobody.Arn}' }] }, 'Subject.Properties.Value.deep[0]: names Nobody'],
    [{ 'Fn::Select': [2, ['a', 'b']] }, 'Subject.Properties.Value: selects element 2 of 2'],
    [{ 'Fn::Join': ['', [['a']]] }, 'Subject.Properties.Value: needs text'],
    [{ Ref: 'Other', beside: 1 }, 'Subject.Properties.Value: Ref stands beside other keys'],
    [{ 'Fn::If': ['Missing', 1, 2] }, 'condition Missing is not in the template'],
  ])('%j is refused: %s', async (value, problem) => {
    await expect(resolved(value)).rejects.toThrow(problem);
  });
});

describe('conditions', () => {
  const Conditions = {
    IsHere: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] },
    IsElsewhere: { 'Fn::Not': [{ Condition: 'IsHere' }] },
    Both: { 'Fn::And': [{ Condition: 'IsHere' }, { Condition: 'IsElsewhere' }] },
    Either: { 'Fn::Or': [{ Condition: 'IsHere' }, { Condition: 'IsElsewhere' }] },
    Circle: { 'Fn::Not': [{ Condition: 'Round' }] },
    Round: { 'Fn::Not': [{ Condition: 'Circle' }] },
  };

  test.each([
    ['IsHere', 'yes'],
    ['IsElsewhere', 'no'],
    ['Both', 'no'],
    ['Either', 'yes'],
  ])('Fn::If takes the branch of %s', async (condition, expected) => {
    expect(await resolved({ 'Fn::If': [condition, 'yes', 'no'] }, { Conditions })).toBe(expected);
  });

  test('a condition that leads back to itself is refused', async () => {
    await expect(resolved({ 'Fn::If': ['Circle', 1, 2] }, { Conditions })).rejects.toThrow(
      'condition Circle leads back to itself',
    );
  });

  test('a resource behind a false condition is not created, and a resource that names it is refused', async () => {
    const absent = thing({}, { Condition: 'IsElsewhere' });
    await load({
      Conditions,
      Resources: { A: absent, B: thing({}, { DependsOn: 'A' }) },
      Outputs: { O: { Value: { Ref: 'A' }, Condition: 'IsElsewhere' } },
    });
    expect(names()).toEqual(['B']);
    await expect(load({ Conditions, Resources: { A: absent, B: thing({ Value: { Ref: 'A' } }) } })).rejects.toThrow(
      'B.Properties.Value: names A, which is not made because its condition IsElsewhere is false',
    );
  });
});

describe('parameters', () => {
  const Parameters = {
    Directory: { Type: 'String', AllowedPattern: 'https://.+' },
    Sizes: { Type: 'CommaDelimitedList', Default: 'a, b' },
    Colour: { Type: 'String', Default: 'red', AllowedValues: ['red', 'blue'] },
    BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/version' },
  };
  const Directory = 'https://ca.example/dir';
  const value = (what: unknown, given: Record<string, string>) => resolved(what, { Parameters }, given);

  test('a given value, a default and a list are what Ref gives', async () => {
    const all = {
      directory: { Ref: 'Directory' },
      sizes: { Ref: 'Sizes' },
      joined: { 'Fn::Join': ['+', { Ref: 'Sizes' }] },
    };
    expect(await value(all, { Directory })).toEqual({ directory: Directory, sizes: ['a', 'b'], joined: 'a+b' });
  });

  test.each([
    [{}, 'Parameters.Directory: has no default and was not given'],
    [{ Directory: 'http://ca.example' }, 'Parameters.Directory: "http://ca.example" does not fit AllowedPattern'],
    [{ Directory: 'see https://ca.example' }, 'does not fit AllowedPattern'],
    [{ Directory: `https://${'a'.repeat(4_089)}` }, 'is longer than 4096 bytes'],
    [{ Directory, Colour: 'green' }, 'Parameters.Colour: "green" is not in AllowedValues red, blue'],
    [{ Directory, Shape: 'round' }, 'Parameters.Shape: given, but the template does not have it'],
  ])('%j is refused: %s', async (given, problem) => {
    await expect(value('x', given)).rejects.toThrow(problem);
  });
});

test('outputs are resolved', async () => {
  const { outputs, resources } = await load({
    Resources: { A: thing() },
    Outputs: { Where: { Value: { 'Fn::GetAtt': ['A', 'Arn'] } } },
  });
  expect(outputs).toEqual({ Where: 'arn:thing/shop-A' });
  expect(resources.A?.ref).toBe('shop-A');
});

test('an asset key leads to the file that CDK would upload under it', async () => {
  const files = {
    h: {
      source: { path: 'asset.abc', packaging: 'zip' },
      destinations: { here: { bucketName: 'b', objectKey: 'abc.zip' } },
    },
  };
  await writeFile(path.join(directory, 'shop.assets.json'), JSON.stringify({ files }));
  await load({ Resources: { A: thing() } });
  expect(made[0]!.assetPath('abc.zip')).toBe(path.join(directory, 'asset.abc'));
  expect(() => made[0]!.assetPath('other.zip')).toThrow('asset other.zip is not in shop.assets.json');
});

test('a default name has the stack and the logical id, in lower case and at most 63 long for a bucket', () => {
  const request = (logicalId: string, properties = {}) => ({
    logicalId,
    stackName: 'shop',
    properties,
    assetPath: String,
  });
  expect(physicalName(request('A', { ThingName: 'mine' }), 'ThingName')).toBe('mine');
  expect(physicalName(request('Store'), 'BucketName')).toBe('shop-store');
  const long = [physicalName(request('X'.repeat(80)), 'RoleName'), physicalName(request('X'.repeat(81)), 'RoleName')];
  expect(new Set(long.map(name => name.length))).toEqual(new Set([63]));
  expect(new Set(long).size).toBe(2);
});

test('a physical id belongs to one resource, in all stacks', async () => {
  const named = (ThingName: string) => ({ Resources: { A: thing({ ThingName }), B: thing() } });
  await load(named('lamp'));
  await load(named('lamp'));
  await expect(load(named('lamp'), {}, 'other')).rejects.toThrow('A (Test::Thing): lamp already exists in stack shop');
  await load(named('chair'), {}, 'other');
  await expect(load(named('shop-B'))).rejects.toThrow('shop-B already exists in stack shop');
});

test('a resource that vanished from the template, or has another name, is reported once', async () => {
  await load({ Resources: { A: thing(), B: thing({ ThingName: 'one' }), C: thing() } });
  await load({ Resources: { B: thing({ ThingName: 'two' }), C: thing() } });
  await load({ Resources: { B: thing({ ThingName: 'two' }), C: thing() } });
  const log = await readFile(path.join(directory, 'cloud.log'), 'utf8');
  expect(log.match(/WARNING: .*?\. /g)).toEqual([
    'WARNING: shop: A (Test::Thing, shop-A) is no longer in the template. ',
    'WARNING: shop: B (Test::Thing, one) is now two. ',
  ]);
});

test.each([
  [{ Mappings: {} }, 'not understood: Mappings'],
  [{ Transform: 'AWS::Serverless' }, 'not understood: Transform'],
  [{ Rules: { Own: {} } }, 'not understood: rule Own'],
  [{ Resources: { A: thing({}, { CreationPolicy: {} }) } }, 'A.CreationPolicy: not understood'],
])('a template with %j is refused', async (section, problem) => {
  await expect(load({ Resources: {}, ...section })).rejects.toThrow(problem);
});

test("CDK's own additions are no resources: its metadata and its bootstrap rule", async () => {
  const { resources } = await load({
    Rules: { CheckBootstrapVersion: { Assertions: [] } },
    Resources: { CDKMetadata: { Type: 'AWS::CDK::Metadata', Condition: 'CDKMetadataAvailable' }, A: thing() },
  });
  expect(Object.keys(resources)).toEqual(['A']);
});

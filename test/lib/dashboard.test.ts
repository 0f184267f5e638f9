/** The dashboard of the template: what it shows is what there is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsOut } from '../../core/events/events-out.ts';
import { GRAPHS } from '../../lib/dashboard.ts';
import { functionNames } from '../../lib/function-names.ts';
import { SealpostStack } from '../../lib/sealpost-stack.ts';

interface Widget {
  type: string;
  properties: { title: string; alarms?: unknown[]; metrics?: unknown[][] };
}

let directory: string;
let stack: Stack;
let widgets: Widget[];
let alarms: string[];

beforeAll(() => {
  // CDK's own validation is half of the time; what deploys runs it.
  process.env['CDK_VALIDATION'] = 'false';
  directory = mkdtempSync(join(tmpdir(), 'sealpost-dashboard-'));
  const app = new App({ analyticsReporting: false, outdir: directory });
  const bundles = Object.fromEntries(functionNames.map(name => [name, { directory: import.meta.dirname }]));
  stack = new SealpostStack(app, 'sealpost', { bundles });
  const template = Template.fromStack(stack);
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  expect(dashboard!.Properties.DashboardName).toBe('sealpost');
  /** A reference becomes its logical id, in the place where CloudFormation puts its value. */
  const parts = dashboard!.Properties.DashboardBody['Fn::Join'][1] as (string | Record<string, unknown>)[];
  const text = parts.map(part => (typeof part === 'string' ? part : String(Object.values(part).flat()[0]))).join('');
  widgets = JSON.parse(text).widgets;
  alarms = Object.keys(template.findResources('AWS::CloudWatch::Alarm'));
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('every alarm that pages is in its first row', () => {
  const [status] = widgets;
  expect(status!.type).toBe('alarm');
  expect([...(status!.properties.alarms as string[])].sort()).toEqual(alarms.sort());
  expect(alarms.length).toBeGreaterThan(4);
});

test('its graphs of events show events that there are, each as our functions count it', () => {
  const kinds = Object.values(GRAPHS).flat();
  expect(kinds.filter(kind => !Object.hasOwn(eventsOut, kind))).toEqual([]);
  const shown = widgets.flatMap(({ properties }) => properties.metrics ?? []);
  const counted = shown.filter(([namespace, name]) => namespace === 'sealpost' && name === 'Events');
  expect(counted.map(metric => metric.slice(2, 6))).toEqual(kinds.map(kind => ['outcome', kind, 'stack', 'sealpost']));
});

test('every graph asks a question and has something to show', () => {
  const graphs = widgets.filter(({ type }) => type === 'metric');
  expect(graphs.length).toBeGreaterThan(7);
  expect(graphs.filter(({ properties }) => !properties.title.endsWith('?') || !properties.metrics?.length)).toEqual([]);
});

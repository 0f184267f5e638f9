import { expect, test } from 'vitest';
import type { RoadEvent } from '../../core/ports/road.ts';
import { RoadView, roadLine } from '../../bin/road-view.ts';

const event = (more: Partial<RoadEvent>): RoadEvent => ({
  ...{ execution: 'one', machine: 'secure-domain', subject: 'example.com', at: 1_000 },
  ...more,
});
const shown = (view: RoadView, rows = 10, now = 5_000) =>
  view.lines({ now, rows }).map(line => line.text.replace(/ +/g, ' '));

test('each execution is one line with the state that it is in, and leaves for the list of those that ended', () => {
  const view = new RoadView();
  view.add(event({ state: 'ClaimDomain' }));
  view.add(event({ state: 'CreateOrder', at: 2_000 }));
  expect(shown(view)).toEqual(['1 on the road, 0 done', 'example.com secure-domain CreateOrder, 3 s']);
  view.add(event({ end: 'done', at: 4_000 }));
  expect(shown(view)).toEqual(['0 on the road, 1 done', 'example.com secure-domain done in 3 s']);
});

test('a delivery says how much it carries', () => {
  const view = new RoadView();
  const deliver = { execution: 'two', machine: 'deliver-to-server', subject: 'mx1.provider.example' };
  view.add(event({ ...deliver, state: 'AssembleDelivery' }));
  view.add(event({ ...deliver, delivery: { seq: 3, mode: 'install', entries: 12 } }));
  view.add(event({ ...deliver, state: 'SendDelivery', at: 2_000 }));
  expect(shown(view)[1]).toBe(
    'mx1.provider.example deliver-to-server SendDelivery, 3 s (delivery 3: install, 12 in it)',
  );
});

test('a failure is told in one line with its name and its cause', () => {
  const view = new RoadView();
  const failed = event({ end: 'failed', error: 'InvalidStepInput', cause: 'names\n is empty' });
  view.add(failed);
  expect(shown(view)).toEqual([
    '0 on the road, 0 done, 1 ended otherwise',
    'example.com secure-domain failed: InvalidStepInput names is empty',
  ]);
  expect(roadLine(failed)).toMatch(/failed: InvalidStepInput names is empty$/);
});

test('ten thousand at once fit on a screen', () => {
  const view = new RoadView();
  for (let i = 0; i < 10_000; i++) view.add(event({ execution: `${i}`, state: 'Validate' }));
  const lines = shown(view, 5);
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe('10000 on the road, 0 done');
  expect(lines.at(-1)).toBe('… and 9997 more');
});

test('where there is no terminal, states are plain lines and a good end says nothing', () => {
  expect(roadLine(event({ state: 'Validate' }))).toMatch(/^example\.com +secure-domain +Validate$/);
  expect(roadLine(event({ end: 'done' }))).toBeUndefined();
  expect(roadLine(event({ delivery: { seq: 1, mode: 'inspect', entries: 0 } }))).toBeUndefined();
});

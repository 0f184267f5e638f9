/** What a function publishes is counted in its log, in CloudWatch's embedded metric format. */
import { afterEach, expect, test, vi } from 'vitest';
import { counted } from '../../aws/counted.ts';
import { metricsOf } from '../../aws/metric.ts';
import type { EventOut } from '../../core/events/events-out.ts';
import { memoryBus } from '../twins/executions.ts';

const NOW = Date.UTC(2026, 11, 1);
const unverified = (endpoints: number, verified: number): EventOut => ({
  detailType: 'Endpoints Unverified',
  detail: {
    ...{ server: 'mx1.provider.example', seenFrom: 'outside', endpoints, verified },
    ...{ domains: [], drifted: 0, silentPorts: [] },
  },
});
const removed: EventOut = {
  detailType: 'Certificate Removed',
  detail: { domain: 'example.com', server: 'mx1.provider.example' },
};

afterEach(() => void vi.restoreAllMocks());

async function linesOf(events: EventOut[]): Promise<Record<string, any>[]> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const bus = memoryBus();
  await counted(bus, metricsOf('mail', { now: () => NOW })).put(events);
  const lines = write.mock.calls.map(([line]) => String(line));
  write.mockRestore();
  return lines.filter(line => line.startsWith('{"_aws"')).map(line => JSON.parse(line));
}

test('each event is one count, with the deployment and the kind of event as dimensions', async () => {
  const lines = await linesOf([removed, removed]);
  expect(lines).toEqual(
    Array(2).fill({
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          { Namespace: 'sealpost', Dimensions: [['stack', 'outcome']], Metrics: [{ Name: 'Events', Unit: 'Count' }] },
        ],
      },
      ...{ stack: 'mail', outcome: 'Certificate Removed', Events: 1 },
    }),
  );
});

test('endpoints that were not seen are counted each; a server without any counts once', async () => {
  const values = async (event: EventOut) =>
    (await linesOf([event])).flatMap(line => line['EndpointsUnverified'] ?? []) as number[];
  expect(await values(unverified(10, 7))).toEqual([3]);
  expect(await values(unverified(0, 0))).toEqual([1]);
});

test('an event that was not taken is not counted', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const failing = { put: async () => Promise.reject(new Error('busy')) };
  await expect(counted(failing, metricsOf('mail', { now: () => NOW })).put([removed])).rejects.toThrow('busy');
  expect(write.mock.calls.filter(([line]) => String(line).startsWith('{"_aws"'))).toEqual([]);
});

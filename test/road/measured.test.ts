/** The time from a domain's event to its installation. vitest.config.ts runs this file alone. */
import { afterAll, beforeAll, describe } from 'vitest';
import { median, record } from '../figures.ts';
import { costs, installedSuite, walks, type Walk } from './installed.ts';
import { road, startRoad, stopRoad } from './provider.ts';
import { young, youngSuite } from './young.ts';

/** More domains, for a median. */
const MORE = ['butcher.test', 'cobbler.test', 'draper.test'];

beforeAll(() => startRoad({ faults: undefined }), 300_000);
afterAll(stopRoad, 60_000);

describe('a domain from its event to the handshake', () => {
  installedSuite(MORE);
  beforeAll(recordFigures);
});

describe('a domain whose zone is made in the same second as its event', () => {
  youngSuite();
  beforeAll(() => {
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    record('road-young', {
      [`Event to installed, p50 of ${young.length} domains at once, zones of the same second`]: seconds(median(young)),
      '  the slowest of them': seconds(Math.max(...young)),
    });
  });
});

async function recordFigures(): Promise<void> {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const p50 = (of: (walk: Walk) => number) => seconds(median(walks.map(of)));
  const certificate = await costs('bakery.test', 'SecureDomain');
  const delivery = await costs(road.mx1.hostName, 'DeliverToServer');
  record('road', {
    'Transitions per certificate (bar: 9)': String(median(certificate)),
    'Transitions per delivery, shared by all domains in it (bar: 5)': String(Math.max(...delivery)),
    [`Event to installed, p50 of ${walks.length} domains, one at a time`]: p50(walk => walk.installed),
    '  of it in WaitForDns (1 s here, 30 s on Route 53)': p50(walk => walk.waitForDns),
    '  of it in CreateOrder, Validate and FinalizeOrder, which wait for the CA most of the time': p50(
      walk => walk.withCa,
    ),
    '  beyond these (bar: 3 s)': p50(walk => walk.installed - walk.waitForDns - walk.withCa),
    '    of it in the command on the mail server, its checks and its proof': p50(walk => walk.command),
    'Requests to the CA for the first certificate, account and directory included': String(road.coldRequests),
    'Requests to the CA per certificate of two names afterwards, p50 (bar: 12)': String(
      median(walks.map(walk => walk.requests)),
    ),
  });
}

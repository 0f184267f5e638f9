/**
 * The road end to end on the real parts: one provider for all topics, because it takes half a
 * minute to start. The topics run in this order.
 */
import { afterAll, beforeAll } from 'vitest';
import { faultsOfTheRoad } from '../faults/seed.ts';
import { startRoad, stopRoad } from './provider.ts';
import './rejected.ts';
import './parked.ts';
import './examples.ts';
import './neighbours.ts';
import './names.ts';
import './acm.ts';
import './repeated.ts';
import './elsewhere.ts';
import './healed.ts';
import './drift.ts';
import './disordered.ts';
import './one-zone.ts';
import './moved.ts';
import './repeated-later.ts';
import './imported.ts';
import './undisturbed.ts';
import './secrets.ts';

beforeAll(() => startRoad({ faults: faultsOfTheRoad }), 300_000);
afterAll(stopRoad, 60_000);

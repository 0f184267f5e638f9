/**
 * The whole table in memory, for core's tests. The suites in test/aws hold this twin to the
 * conditions of the real table.
 */
import type { Store } from '../../core/ports/store.ts';
import { acmStore } from './acm-store.ts';
import { claimStore } from './claim-store.ts';
import { deliveryStore } from './delivery-store.ts';
import { domainStore } from './domain-store.ts';
import { dueStore } from './due-store.ts';
import { issuerStore } from './issuer-store.ts';
import { outsideStore } from './outside-store.ts';
import { renewalStore } from './renewal-store.ts';
import { servedStore } from './served-store.ts';
import { serverStore } from './server-store.ts';
import { waitingStore } from './waiting-store.ts';
import { workStore } from './work-store.ts';
import { emptyMemory } from './memory.ts';

export function memoryStore(memory = emptyMemory()): Store {
  return {
    ...domainStore(memory),
    ...claimStore(memory),
    ...workStore(memory),
    ...serverStore(memory),
    ...deliveryStore(memory),
    ...waitingStore(memory),
    ...acmStore(memory),
    ...issuerStore(memory),
    ...renewalStore(memory),
    ...outsideStore(memory),
    ...servedStore(memory),
    ...dueStore(memory),
  };
}

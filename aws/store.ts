/** Everything that the table knows, behind core's interfaces. */
import type { Store } from '../core/ports/store.ts';
import { acmItems } from './acm-items.ts';
import { claimItems } from './claim-items.ts';
import { composed } from './composed.ts';
import { deliveryItems } from './delivery-items.ts';
import { domainItems } from './domain-items.ts';
import { dueItems } from './due-items.ts';
import { issuerItems } from './issuer-items.ts';
import { outsideItems } from './outside-items.ts';
import { renewalItems } from './renewal-items.ts';
import { servedItems } from './served-items.ts';
import { serverItems } from './server-items.ts';
import { waitingItems } from './waiting-items.ts';
import { workItems } from './work-items.ts';
import type { Table } from './table.ts';

export function store(table: Table): Store {
  return composed(table, [
    domainItems,
    claimItems,
    workItems,
    serverItems,
    deliveryItems,
    waitingItems,
    acmItems,
    issuerItems,
    renewalItems,
    outsideItems,
    servedItems,
    dueItems,
  ]);
}

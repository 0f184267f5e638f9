/**
 * The table, as the road needs it: each method is one write (or read) of the protocol, with its condition. Two
 * implementations of each aggregate pass one suite: the table in DynamoDB (`aws/store.ts`) and an in-memory twin for tests.
 *
 * Times are milliseconds since the epoch. `me` is the execution's name. Where a condition can be lost the method
 * answers `false` or `undefined`, or throws `ClaimLost` where going on would be wrong.
 */
import type { AcmStore } from './acm-store.ts';
import type { ClaimStore } from './claim-store.ts';
import type { DeliveryStore } from './delivery-store.ts';
import type { DomainStore } from './domain-store.ts';
import type { DueStore } from './due-store.ts';
import type { IssuerStore } from './issuer-store.ts';
import type { OutsideStore } from './outside-store.ts';
import type { RenewalStore } from './renewal-store.ts';
import type { ServerStore } from './server-store.ts';
import type { WaitingStore } from './waiting-store.ts';
import type { WorkStore } from './work-store.ts';

export interface Store
  extends
    DomainStore,
    ClaimStore,
    WorkStore,
    ServerStore,
    DeliveryStore,
    WaitingStore,
    AcmStore,
    IssuerStore,
    RenewalStore,
    OutsideStore,
    DueStore {}

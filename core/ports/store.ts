/**
 * The table as core needs it. Each method is one read, or one write with its condition
 * (docs/protocol.md). Each aggregate has two implementations that pass one suite: the table in
 * DynamoDB (`aws/store.ts`) and a twin in memory for tests. Only the composition names `Store`: a
 * function's ports name the aggregates that the function uses.
 *
 * Times are milliseconds since the epoch; `me` is the name of an execution. A method whose
 * condition is false answers `false` or `undefined`, or throws ClaimLost where the caller must not
 * go on. A write that the SDK sends again, because its answer was lost, is answered as if it came
 * once (test/aws/idempotence.suite.ts).
 */
import type { AcmStore } from './acm-store.ts';
import type { ClaimStore } from './claim-store.ts';
import type { DeliveryStore } from './delivery-store.ts';
import type { DomainStore } from './domain-store.ts';
import type { DueStore } from './due-store.ts';
import type { IssuerStore } from './issuer-store.ts';
import type { OutsideStore } from './outside-store.ts';
import type { RenewalStore } from './renewal-store.ts';
import type { ServedStore } from './served-store.ts';
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
    ServedStore,
    DueStore {}

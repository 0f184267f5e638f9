/**
 * Every write, each with its condition (docs/protocol.md). An implementation of core's `Store`
 * passes this suite: the table in DynamoDB, and the twin that core's tests use.
 */
import type { Store } from '../../core/ports/store.ts';
import { describeAcmStore } from './acm-store.suite.ts';
import { describeClaimStore } from './claim-store.suite.ts';
import { describeDeliveryStore } from './delivery-store.suite.ts';
import { describeDomainStore } from './domain-store.suite.ts';
import { describeDueStore } from './due-store.suite.ts';
import { describeIdempotence } from './idempotence.suite.ts';
import { describeIssuerStore } from './issuer-store.suite.ts';
import { describeOutsideStore } from './outside-store.suite.ts';
import { describeRenewalStore } from './renewal-store.suite.ts';
import { describeServedStore } from './served-store.suite.ts';
import { describeServerStore } from './server-store.suite.ts';
import { describeWaitingStore } from './waiting-store.suite.ts';
import { describeWorkStore } from './work-store.suite.ts';

/** @param make an empty store */
export function describeStore(name: string, make: () => Promise<Store>): void {
  describeDomainStore(name, make);
  describeClaimStore(name, make);
  describeWorkStore(name, make);
  describeServerStore(name, make);
  describeDeliveryStore(name, make);
  describeWaitingStore(name, make);
  describeAcmStore(name, make);
  describeIssuerStore(name, make);
  describeRenewalStore(name, make);
  describeOutsideStore(name, make);
  describeServedStore(name, make);
  describeDueStore(name, make);
  describeIdempotence(name, make);
}

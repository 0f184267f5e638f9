/** Woken by the schedule, once a minute: asks the CAs when they would like their certificates to be replaced. */
import { openConnection } from '../core/acme/transport.ts';
import { walkRenewalInfo, type Walked } from '../core/renewal-walk.ts';
import { clock, issuer, renewalInfoMs, store } from './environment.ts';

export const handler = async (): Promise<Walked> => {
  const ca = { name: issuer().directoryUrl, ...openConnection(issuer()) };
  return walkRenewalInfo({ store: store(), caOf: () => ca, clock, random: Math.random, ceilingMs: renewalInfoMs() });
};

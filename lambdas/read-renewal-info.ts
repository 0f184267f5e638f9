/** Woken by the schedule, once a minute: asks the CAs when they would like their certificates to be replaced. */
import { openConnection } from '../core/acme/transport.ts';
import { walkRenewalInfo, type Walked } from '../core/renewal/walk.ts';
import { clock, issuers, renewalInfoMs, store } from './environment.ts';

export const handler = async (): Promise<Walked> => {
  const cas = new Map(issuers().map(issuer => [issuer.name, { name: issuer.name, ...openConnection(issuer) }]));
  // One that is configured no more is not asked: what it gave is renewed by its dates, at another.
  const caOf = ({ issuer }: { issuer: string }) => cas.get(issuer);
  return walkRenewalInfo({ store: store(), caOf, clock, random: Math.random, ceilingMs: renewalInfoMs() });
};

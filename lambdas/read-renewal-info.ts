/** Woken by its schedule, once a minute: asks the CAs for renewal windows. */
import { renewalItems } from '../aws/renewal-items.ts';
import { openConnection } from '../core/acme/transport.ts';
import { walkRenewalInfo, type Walked } from '../core/renewal/walk.ts';
import { clock, issuers, renewalInfoMs, storeOf } from './environment.ts';

export const handler = async (): Promise<Walked> => {
  const cas = new Map(issuers().map(issuer => [issuer.name, { name: issuer.name, ...openConnection(issuer) }]));
  // An issuer that is no longer in the setting is not asked. Its certificates are renewed by their
  // dates, by another issuer.
  const caOf = ({ issuer }: { issuer: string }) => cas.get(issuer);
  return walkRenewalInfo({
    store: storeOf(renewalItems),
    caOf,
    clock,
    random: Math.random,
    ceilingMs: renewalInfoMs(),
  });
};

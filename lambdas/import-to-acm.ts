/** State ImportToAcm of secure-domain. */
import { acmItems } from '../aws/acm-items.ts';
import { claimItems } from '../aws/claim-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { importToAcm } from '../core/acm/import-to-acm.ts';
import { domainIn } from '../core/events/domain-in.ts';
import { ImportToAcm } from '../statemachines/secure-domain.ts';
import { acm, acmQuotas, bus, certificates, clock, executions, storeOf } from './environment.ts';

export const handler = ImportToAcm.handler(input =>
  importToAcm(
    { domain: domainIn(input), execution: input.execution, seen: input.seen },
    {
      ...{
        store: storeOf(acmItems, claimItems, serverItems),
        certificates: certificates(),
        acm: acm(),
        bus: bus(),
        executions: executions(),
        clock,
      },
      quotas: acmQuotas(),
    },
  ),
);

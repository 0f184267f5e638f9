/** The entry of this package: AWS for one synthesised stack, on one machine. */
import { startCloud, type CloudOptions, type RunningCloud } from './cloud.ts';
import { everyService, factories } from './services.ts';

export type { RunningCloud as StandIn } from './cloud.ts';
export type { FaultOptions } from './faults/faults.ts';
export type { EventsService } from './events/events.ts';
export type { Route53 } from './route53/route53.ts';
export type { Node } from './service/service.ts';
export type { SnsService } from './sns/sns.ts';
export type { SsmService } from './ssm/ssm.ts';
export type { LoadedTemplate } from './template/template.ts';

/** Starts all services on 127.0.0.1. The result's `loadTemplate` deploys a stack. */
export async function startStandIn(options: Omit<CloudOptions, 'services'>): Promise<RunningCloud> {
  return startCloud({ ...options, services: await factories(everyService) });
}

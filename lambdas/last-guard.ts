/** Woken by its schedule, once an hour: pages for what is served and about to end. */
import { domainItems } from '../aws/domain-items.ts';
import { servedItems } from '../aws/served-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { workItems } from '../aws/work-items.ts';
import { guard } from '../core/guard/last-guard.ts';
import { bus, clock, storeOf } from './environment.ts';

export const handler = async (): Promise<{ endings: number; paged: number }> =>
  guard({ store: storeOf(servedItems, domainItems, serverItems, workItems), bus: bus(), clock });

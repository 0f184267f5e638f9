/** Why nothing newer was seen served: the words of what is on record, for the page. */
import { remedies, type ErrorName } from '../errors.ts';
import type { Ending } from '../ports/served-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import type { DomainRecord } from '../record/domain.ts';

interface Ports {
  store: Pick<ServerStore, 'readServer'> & Pick<WorkStore, 'workFor'>;
}

/** `reason` is a heading of docs/runbook.md. */
export interface Reason {
  reason: ErrorName;
  message: string;
}

/** `record` is absent if it could not be read. */
type Served = Pick<Ending, 'domain' | 'life'> & { server: string; record?: DomainRecord };

/** Never fails: a page without the reason is better than none. */
export function reasonFor(served: Served, ports: Ports): Promise<Reason> {
  return onRecord(served, ports).catch((error: unknown) => ({
    reason: 'Unexpected',
    message: `why could not be read (${String(error)}); ask sealpost status ${served.server}`,
  }));
}

/** The server's reason comes first: while nothing reaches the server, no order helps. */
async function onRecord({ server, domain, record, life }: Served, { store }: Ports): Promise<Reason> {
  const known = await store.readServer(server);
  if (!known)
    return {
      reason: 'ServerNotRegistered',
      message: `its wish names ${server}, which is not registered; put Mail Server Registered, or Domain Changed with the servers that serve it`,
    };
  if (known.held !== undefined) return { reason: 'InstallBroken', message: `${server} is held: ${known.held}` };
  if ((known.failures ?? 0) > 1)
    return { reason: 'ServerUnreachable', message: `${server} has not answered ${known.failures} times in a row` };
  const work = await store.workFor({ server, domain });
  if (work?.reason !== undefined) return named(work.reason);
  if (!record) return { reason: 'Unexpected', message: `the record of ${domain} could not be read; see the log` };
  const { parked, retired, current } = record;
  if (parked) return { reason: parked.reason, message: parked.message };
  if (retired) return { reason: 'DomainNotManaged', message: retired.message };
  if (known.hostSecuredAt === undefined && work)
    return {
      reason: 'HostCertificateLost',
      message: `${server} does not serve its own certificate yet, so the domain waits`,
    };
  if (current && current.notAfter > life.notAfter)
    return {
      reason: 'Unexpected',
      message: `a certificate until ${new Date(current.notAfter).toISOString()} is stored and was not seen on ${server}; ask sealpost status ${server}`,
    };
  return {
    reason: 'Unexpected',
    message: `no newer certificate was ordered and nothing on record says why; see whether the sweep runs`,
  };
}

/** Stored with its name before it, as `InstallRefused: …`. */
function named(text: string): Reason {
  const [name = '', ...rest] = text.split(': ');
  const isNamed = (text: string): text is ErrorName => text in remedies;
  return isNamed(name) ? { reason: name, message: rest.join(': ') } : { reason: 'InstallRefused', message: text };
}

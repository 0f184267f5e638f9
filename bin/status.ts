/** `sealpost status`: all that is known, or all of one domain or server. */
import type { Answer, Here } from './here.ts';
import { domainDetails, serverDetails } from './details.ts';
import { Refusal } from './refusal.ts';
import { overview, report } from './report.ts';

/** @param name as parseDomain returns it */
export async function status(here: Here, _: object, name?: string): Promise<Answer> {
  const now = Date.now();
  const { store: open, challengeZone } = await here.environment();
  const store = await open();
  if (name === undefined) {
    const all = report(await store.all(), now);
    return { text: overview(all, now), data: all, isWell: all.well };
  }
  const [ofDomain, ofServer] = await Promise.all([store.ofDomain(name), store.ofServer(name)]);
  const domains = report(ofDomain, now).domains;
  const servers = report(ofServer, now).servers;
  const all = [...domains, ...servers];
  if (all.length === 0) {
    const message = `${name} is not known here, neither as a domain nor as a server.`;
    const remedy = 'sealpost status lists what is known.';
    throw new Refusal({ name: 'NotKnown', message, remedy, exitCode: 1 });
  }
  const isParked = domains.some(one => one.reason === 'DomainNotManaged');
  const zone = isParked ? await challengeZone() : undefined;
  const parts = [...servers.map(one => serverDetails(one, now)), ...domains.map(one => domainDetails(one, zone, now))];
  const well = all.every(one => one.well);
  return { text: parts.join('\n\n'), data: { domains, servers, well }, isWell: well };
}

/** The endpoints of a server as they were last checked: by the audit, and from outside. */
import type { OnServer } from './known.ts';

export interface Unverified {
  server: string;
  seenFrom: 'inside' | 'outside';
  domain?: string;
  ports: number[];
  why: string;
  remedy: string;
}

export interface Endpoints {
  inside?: { endpoints: number; verified: number; oldest: number };
  /** The outside check covers some of the domains, each day others. */
  outside?: { endpoints: number; verified: number; at: number };
  unverified: Unverified[];
}

/** Three days: an audit is due once a day. */
const STALE_MS = 3 * 86_400_000;

const REMEDY = {
  drift:
    'The certificate is delivered again by itself. If it drifts again, find out what else writes that daemon’s configuration.',
  dead: 'Start the daemon that served the port. If the port is closed for good, send Mail Server Registered: the port is then no longer checked.',
  stale: 'Make sure that the server runs and that Systems Manager shows its node online.',
  unreachable:
    'The audit also checks the server from inside. Check its firewall and security group, the route, and the address of its name. Port 25 needs a permission of AWS for the function.',
  other:
    'The server serves the certificate when it is asked from inside, or is audited now. Check what stands before the server (a proxy, a load balancer, NAT), and the address of its name.',
} as const;

export function endpointsOf(server: string, { record, work, outside }: OnServer, now: number): Endpoints {
  const unverified: Unverified[] = [];
  const miss = (seenFrom: Unverified['seenFrom'], remedy: string, rest: Pick<Unverified, 'domain' | 'ports' | 'why'>) =>
    void unverified.push({ server, seenFrom, ...rest, remedy });
  const audit = record?.audit;
  let lost = 0;
  if (audit) {
    for (const { domain, drift, reason } of work.values()) {
      if (!drift) continue;
      lost += drift.length;
      const places = [...new Set(drift.flatMap(port => audit.places?.[port] ?? []))];
      const at = places.length > 0 ? `, asked at ${places.join(' and ')}` : '';
      const why = reason ?? `the audit did not see its certificate there${at}; the certificate is delivered again`;
      miss('inside', REMEDY.drift, { domain, ports: [...new Set(drift)], why });
    }
    for (const [port, names] of Object.entries(audit.dead ?? {})) {
      lost += names;
      const why = 'the port answered when the server was inspected, and does not now';
      miss('inside', REMEDY.dead, { ports: [Number(port)], why });
    }
    if (now - audit.oldest > STALE_MS)
      miss('inside', REMEDY.stale, { ports: [], why: 'its audits have failed for more than three days' });
  }
  for (const port of outside?.unreachable ?? [])
    miss('outside', REMEDY.unreachable, { ports: [port], why: 'nobody answers at this port from outside' });
  if (outside?.why !== undefined) miss('outside', REMEDY.unreachable, { ports: [], why: outside.why });
  for (const { domain, port, why } of outside?.unseen ?? [])
    miss('outside', REMEDY.other, { domain, ports: [port], why });
  return {
    ...(audit && {
      inside: {
        endpoints: audit.endpoints,
        verified: Math.max(0, audit.endpoints - lost),
        oldest: audit.oldest,
      },
    }),
    ...(outside?.at !== undefined && {
      outside: { endpoints: outside.endpoints ?? 0, verified: outside.verified ?? 0, at: outside.at },
    }),
    unverified,
  };
}

/** The sums over many servers, with the oldest of their checks. */
export function together(all: Endpoints[]): Endpoints {
  const inside = all.flatMap(one => one.inside ?? []);
  const outside = all.flatMap(one => one.outside ?? []);
  const sum = (of: { endpoints: number; verified: number }[]) => ({
    endpoints: of.reduce((total, one) => total + one.endpoints, 0),
    verified: of.reduce((total, one) => total + one.verified, 0),
  });
  return {
    ...(inside.length > 0 && { inside: { ...sum(inside), oldest: Math.min(...inside.map(one => one.oldest)) } }),
    ...(outside.length > 0 && { outside: { ...sum(outside), at: Math.min(...outside.map(one => one.at)) } }),
    unverified: all.flatMap(one => one.unverified),
  };
}

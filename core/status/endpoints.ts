/** Names on ports, as they were last seen: from the server itself (the audit), and from outside. */
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
  /** Of a share of the domains, another each day. */
  outside?: { endpoints: number; verified: number; at: number };
  unverified: Unverified[];
}

/** An audit is due once a day. */
const STALE_MS = 3 * 86_400_000;

const REMEDY = {
  drift:
    'It is delivered again by itself; if that does not help, find out who else writes that daemon’s configuration.',
  dead: 'Start what served there; if it is closed for good, put Mail Server Registered, and it is looked for no more.',
  stale: 'See that the server runs and that Systems Manager shows its node online.',
  unreachable:
    'The server itself is asked every day, too: look at its firewall and security group, at the route, and at the address of its name; port 25 needs AWS’s leave for the function.',
  other:
    'The server itself serves what it should, or is audited now: look at what stands before it (a proxy, a load balancer, NAT) and at the address of its name.',
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
      const why = reason ?? 'the audit did not see its certificate there; it is delivered again';
      miss('inside', REMEDY.drift, { domain, ports: [...new Set(drift)], why });
    }
    for (const [port, names] of Object.entries(audit.dead ?? {})) {
      lost += names;
      const why = 'it answered when the server was inspected, and does not now';
      miss('inside', REMEDY.dead, { ports: [Number(port)], why });
    }
    if (now - audit.oldest > STALE_MS)
      miss('inside', REMEDY.stale, { ports: [], why: 'its audits have come to nothing for more than three days' });
  }
  for (const port of outside?.unreachable ?? [])
    miss('outside', REMEDY.unreachable, { ports: [port], why: 'nobody answers there from outside' });
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

/** Of many servers, as one; the oldest look is the oldest of all. */
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

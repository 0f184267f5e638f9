/** How each server of a domain serves the domain's current certificate. */
import type { DomainRecord } from '../record/domain.ts';
import { planNames, webmailName } from '../certificate/names.ts';
import { leftOut } from '../record/adoption.ts';
import { servesAlone } from '../record/capability.ts';
import { certificatesOf, hasAny } from '../record/provided.ts';
import { remedies, type ErrorName } from '../errors.ts';
import type { Known, OnServer } from './known.ts';
import { serverState } from './server-status.ts';
import { typeThis } from '../record/served-under.ts';
import { isSeen } from '../work/serving.ts';

export interface Serving {
  server: string;
  state: 'installed' | 'drifted' | 'waiting' | 'refused' | 'held' | 'not registered' | 'to be removed' | 'served under';
  /** When the current certificate was last seen served on the server. */
  seenAt?: number;
  /** When the certificate is delivered, if not at once. */
  at?: number;
  why?: string;
  /** What the server does not serve of the domain, because its registration leaves out software. */
  without?: string;
  reason?: ErrorName;
}

export function serving(server: string, record: DomainRecord, known: Known, now: number): Serving {
  const under = record.servedUnder?.find(one => one.server === server);
  const why = typeThis({ domain: record.domain, server });
  const on = known.servers.get(server);
  if (!under) {
    const without = withoutLeftOut(server, record, on);
    return { ...holding(server, record, known, now), ...(without !== undefined && { without }) };
  }
  if (under.webmail) {
    const held = holding(server, record, known, now);
    return { ...held, why: held.why ?? `for webmail alone; ${why}` };
  }
  if (on?.record && on.record.hostSecuredAt === undefined)
    return { server, state: 'served under', why: `${why}; but ${server} is not seen served and trusted yet` };
  return { server, state: 'served under', seenAt: on?.record?.hostSecuredAt, why };
}

function withoutLeftOut(server: string, { domain, spec }: DomainRecord, on?: OnServer): string | undefined {
  if (!on?.record || !spec || spec.host) return undefined;
  const isWebmail = (spec.webmailServer ?? server) === server && webmailName(domain, planNames(spec)) !== undefined;
  const web = isWebmail && !servesAlone(on.record, 'webmail') ? leftOut(on.record, 'webmail') : [];
  const mail = spec.mailServers.includes(server) ? leftOut(on.record, 'mail') : [];
  const out = [
    ...(web.length > 0 ? [`webmail is not served by sealpost, which leaves out ${web.join(' and ')} there`] : []),
    ...(mail.length > 0 ? [`${mail.join(' and ')} is left out there and serves a certificate of its own`] : []),
  ];
  return out.length > 0 ? out.join('; ') : undefined;
}

/** For a server that should have the domain's certificate. */
function holding(server: string, record: DomainRecord, known: Known, now: number): Serving {
  const { domain } = record;
  const certificates = certificatesOf(record, now);
  const on = known.servers.get(server);
  if (!on?.record)
    return { server, state: 'not registered', ...told('ServerNotRegistered', 'the server is not registered') };
  const here = on.installed.get(domain);
  const drifted = on.work.get(domain);
  if (drifted?.drift) {
    const why =
      drifted.reason ?? `the audit did not see the certificate on port ${[...new Set(drifted.drift)].join(', ')}`;
    return {
      server,
      state: 'drifted',
      seenAt: here?.seenAt,
      at: drifted.notBefore,
      ...refusal(why, 'ServedCertificateMismatch'),
    };
  }
  if (here && hasAny(certificates) && isSeen({ ...certificates, domain, host: record.spec?.host }, on.record, here))
    return { server, state: 'installed', seenAt: here.seenAt };
  if (on.record.held !== undefined) return { server, state: 'held', ...told('InstallBroken', on.record.held) };
  const work = on.work.get(domain);
  const at = work?.notBefore;
  if (work?.reason !== undefined) return { server, state: 'refused', at, ...refusal(work.reason) };
  if (work?.calm) return { server, state: 'waiting', seenAt: here?.seenAt, at, why: CALM };
  return { server, state: 'waiting', at, ...(server !== domain && waitingFor(on, now)) };
}

/** The reason of a server that waits for its quiet hour. */
export const CALM =
  'renewed in good time: the certificate is delivered in the quiet hour of the server, and the old certificate is served until then';

/** The reason why the server gets no delivery at all, if there is one. */
function waitingFor(on: OnServer, now: number): Pick<Serving, 'why' | 'reason'> {
  const { why, reason } = serverState(on.record!, on, now);
  return why === undefined ? {} : { why, ...(reason && { reason }) };
}

/** @param text as recordRefused stores the text: the error's name, a colon, the server's words */
function refusal(text: string, otherwise: ErrorName = 'InstallRefused'): Pick<Serving, 'why' | 'reason'> {
  const [, name, words] = /^(\w+): (.*)$/s.exec(text) ?? [];
  return name !== undefined && Object.hasOwn(remedies, name) ? told(name as ErrorName, words!) : told(otherwise, text);
}

function told(reason: ErrorName, why: string): Pick<Serving, 'why' | 'reason'> {
  return { why, reason };
}

/**
 * For a server that the wish no longer names, while the server still has the domain's certificate
 * or work.
 */
export function stillOn({ domain }: DomainRecord, known: Known): (server: string) => Serving[] {
  return server => {
    const on = known.servers.get(server);
    if (!on?.record || !(on.installed.has(domain) || on.work.has(domain))) return [];
    return [{ server, state: 'to be removed', seenAt: on.installed.get(domain)?.seenAt }];
  };
}

/** All that is known of one domain or one server. */
import { showDomain } from '../core/certificate/names.ts';
import { delegationLines } from '../core/dns/challenge-place.ts';
import { printable } from '../core/errors.ts';
import type { Daemon, DaemonState } from '../core/record/adoption.ts';
import type { DomainStatus } from '../core/status/domain-status.ts';
import type { ServerStatus } from '../core/status/server-status.ts';
import type { Status } from '../core/status/status.ts';
import { columns } from './columns.ts';
import { MOST_LINES, nextOf, stateOf, trouble, unverifiedLines, verified } from './report.ts';
import { moment, when } from './when.ts';

export function domainDetails(status: DomainStatus, challengeZone: string | undefined, now: number): string {
  const { certificate, provided, servers, names, reason, acm } = status;
  const rows = servers.map(({ server, state, seenAt, at, why, without }) => [
    server,
    state,
    when({ at: seenAt, now }),
    [at !== undefined && `offered ${when({ at, now })}`, why, without].filter(Boolean).join('; ') || '-',
  ]);
  return [
    head(status, now),
    fields({
      Names: names.map(showDomain).join(', '),
      Certificate: certificate
        ? `${certificate.daysLeft} days left, until ${when({ at: certificate.notAfter, now })}, issued by ${certificate.issuer} (${certificate.issuedBy})${certificate.staging ? ', for a trial: not trusted' : ''}`
        : provided
          ? 'none of ours'
          : 'none yet',
      ...(provided && { Provided: provided.map(one => providedLine(one, now)).join('\n') }),
      ...(acm && { ACM: [acm.isCurrent ? 'imported' : 'not imported yet', acm.arn].filter(Boolean).join(', as ') }),
      ...(certificate && { Renewal: renewal(certificate, now), Fingerprint: certificate.fingerprint }),
    }),
    ...(rows.length > 0 ? [columns(['Server', 'State', 'Seen served', 'Note'], rows)] : []),
    ...(reason === 'DomainNotManaged' && challengeZone !== undefined
      ? [`For the domain's zone:\n${delegationLines(names, { name: challengeZone }).join('\n')}`]
      : []),
  ].join('\n\n');
}

function renewal({ renewAt, window, explanation }: NonNullable<DomainStatus['certificate']>, now: number): string {
  const asked = window && `the CA asks for it between ${moment(window.start)} and ${moment(window.end)}`;
  const why = explanation !== undefined && printable(`why: ${explanation}`);
  return [when({ at: renewAt, now }), asked, why].filter(Boolean).join('; ');
}

function providedLine(one: NonNullable<DomainStatus['provided']>[number], now: number): string {
  const { for: uses, daysLeft, notAfter, issuedBy, takenOverAt, fingerprint } = one;
  const taken = takenOverAt > now ? 'ours takes over' : 'ours has its place since';
  return `for ${uses.join(' and ')}: ${daysLeft} days left, until ${when({ at: notAfter, now })}, issued by ${issuedBy}; ${taken} ${when({ at: takenOverAt, now })}; ${fingerprint}`;
}

export function serverDetails(status: ServerStatus, now: number): string {
  const { node, seq, capability, daemons, delivery, work, installed, endpoints } = status;
  const { daemon: _, plan: __, ...facts } = capability ?? {};
  const rows = [
    ...work.map(({ domain, remove, notBefore, reason }) => [
      showDomain(domain),
      remove ? 'to be removed' : reason === undefined ? 'waiting' : 'refused',
      '-',
      [notBefore !== undefined && `offered ${when({ at: notBefore, now })}`, reason].filter(Boolean).join('; ') || '-',
    ]),
    ...installed.map(({ domain, seenAt }) => [showDomain(domain), 'installed', when({ at: seenAt, now }), '-']),
  ];
  const more = rows.length > MOST_LINES ? `\n… and ${rows.length - MOST_LINES} more; --json has them all` : '';
  return [
    head(status, now),
    fields({
      Node: node,
      Endpoints: verified(endpoints, now).join('\n') || 'not audited yet',
      Deliveries: `${seq}${delivery ? `; under way: ${delivery.seq} (${delivery.mode}), sent ${when({ at: delivery.sentAt, now })}` : ''}`,
      ...Object.fromEntries(Object.entries(facts).map(([name, values]) => [name, values.join('\n')])),
    }),
    ...adoption(daemons),
    ...unverifiedLines(endpoints),
    ...(rows.length > 0 ? [columns(['Domain', 'State', 'Seen served', 'Note'], rows.slice(0, MOST_LINES)) + more] : []),
  ].join('\n\n');
}

/** A table of the daemons, and the plan of each that waits for consent. */
export function adoption(daemons: Daemon[]): string[] {
  if (daemons.length === 0) return [];
  const rows = daemons.map(({ daemon, state, reason = '-' }) => [daemon, stateWords[state], reason]);
  const plans = daemons
    .filter(({ plan }) => plan.length > 0)
    .map(({ daemon, plan }) => [`Plan for ${daemon}:`, ...plan.map(line => `  ${line}`)].join('\n'));
  return [columns(['Daemon', 'State', 'Why'], rows), ...plans];
}

const stateWords: Record<DaemonState, string> = {
  adopted: 'adopted',
  ready: 'waits for consent',
  loses: 'waits for consent to lose',
  refused: 'refused',
  undone: 'undone',
  broken: 'broken',
  dead: 'does not answer',
  absent: 'absent',
  'left-out': 'left out',
};

function head(status: Status, now: number): string {
  const lines = [
    `${showDomain(status.name)}: ${stateOf(status)}`,
    `  since ${when({ at: status.since, now })}, next: ${nextOf(status, now)}`,
  ];
  const told = trouble(status);
  return [...lines, ...(told === '' ? [] : [`  ${told}`])].join('\n');
}

function fields(values: Record<string, string>): string {
  const width = Math.max(...Object.keys(values).map(name => name.length));
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${value.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}`)
    .join('\n');
}

/** Events about domains, as the state machine secure-domain reads them. */
import { parseDomain, parseHostName, planNames } from '../certificate/names.ts';
import { deletionOf, type Wish } from '../record/domain.ts';
import { domainDeletion, domainWish, expiring, wanted, type DomainWish } from './events-in.ts';
import { invalid, readEvent } from './read-event.ts';

/**
 * What an event asks for. `said` orders the wishes: the event's time, and the sender's version.
 * `look` asks to re-evaluate the domain; `isOurs` if one of our own executions asks.
 */
export type DomainRequest =
  | { kind: 'wish'; wish: Wish; said: { at: number; version?: number } }
  | { kind: 'look'; domain: string; isOurs?: true };

/**
 * @param event the EventBridge envelope, as an execution's input
 * @throws SealpostError InvalidStepInput
 */
export function parseDomainEvent(event: unknown, now = Infinity): DomainRequest {
  const { detailType, at, isOurs, about, detail } = readEvent(event, now);
  switch (detailType) {
    case 'Domain Created':
    case 'Domain Changed': {
      const wish = detail(domainWish);
      return { kind: 'wish', wish: parseWish(wish), said: { at, version: wish.version } };
    }
    case 'Domain Deleted': {
      const { domain, revoke, version } = detail(domainDeletion);
      return {
        kind: 'wish',
        wish: deletionOf(parseDomain(domain, { field: 'detail.domain', isLeaving: true, isKnown: true }), {
          revoke,
        }),
        said: { at, version },
      };
    }
    case 'Certificate Expiring': {
      const { domain, server } = detail(expiring);
      if ((domain === undefined) === (server === undefined))
        throw invalid(about, {
          message:
            'detail names neither or both of domain and server; ' +
            'give exactly one: {"domain":"example.com"} or {"server":"mx1.provider.example"}',
        });
      return {
        kind: 'look',
        domain: domain
          ? parseDomain(domain, { field: 'detail.domain', isKnown: true })
          : parseHostName(server!, { field: 'detail.server' }),
        ...(isOurs && { isOurs: true as const }),
      };
    }
    default:
      throw invalid(about, { message: `detail-type "${detailType}" is not known; give ${wanted['detail-type']}` });
  }
}

function parseWish(detail: DomainWish): Wish {
  const domain = parseDomain(detail.domain, { field: 'detail.domain' });
  const policy = detail.policy ?? 'wildcard';
  if (policy === 'wildcard' && detail.names)
    throw invalid(domain, {
      message: 'detail.names is given although the policy is "wildcard"; leave it out, or say "policy":"list"',
    });
  const wish: Wish = {
    domain,
    mailServers: [
      ...new Set(detail.mailServers.map((name, i) => parseHostName(name, { field: `detail.mailServers[${i}]` }))),
    ],
    policy,
    ...(detail.names && { names: detail.names }),
    ...(detail.webmailServer && {
      webmailServer: parseHostName(detail.webmailServer, { field: 'detail.webmailServer' }),
    }),
    ...(detail.profile && { profile: detail.profile }),
    ...(detail.issuer && { issuer: detail.issuer }),
    ...(detail.acm && { acm: true as const }),
  };
  planNames(wish);
  return wish;
}

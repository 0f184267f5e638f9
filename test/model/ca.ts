/**
 * A CA in memory that behaves as Boulder does where Pebble does not: it hands a pending or ready
 * order of the same names out again, keeps valid authorizations, and counts what it limits.
 */
import { createHash } from 'node:crypto';
import type { AcmeOrder } from '../../core/acme/answers.ts';
import type { Acme } from '../../core/acme/client.ts';
import type { Issuer } from '../../core/acme/issuer.ts';
import { AcmeProblem, type CaAnswer } from '../../core/acme/problem.ts';
import { ariId } from '../../core/certificate/ari-id.ts';
import { X509Certificate } from 'node:crypto';
import { leafFor, publicKeyOf } from './x509.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Boulder's lifetimes: an order 7 days, a valid authorization 30 days. */
const ORDER_MS = 7 * DAY;
const AUTHORIZATION_MS = 30 * DAY;
/** Let's Encrypt: failed validations of one name in an hour (letsencrypt.org/docs/rate-limits). */
const FAILED_AN_HOUR = 5;

interface Order {
  url: string;
  names: string[];
  status: AcmeOrder['status'];
  until: number;
  authorizations: string[];
  chain?: string;
}

interface Authorization {
  url: string;
  name: string;
  wildcard: boolean;
  token: string;
  status: 'pending' | 'valid' | 'invalid';
  until: number;
}

export class ModelCa {
  readonly issuer: Issuer;
  readonly #now: () => number;
  /** Asks the public DNS for the TXT values of a name. */
  readonly #txt: (name: string) => string[];
  /** Days that a certificate lives. */
  lifeDays = 90;
  /** The CA answers 503. */
  isAway = false;
  /** The next key that comes is refused, now and for ever. */
  refusesNext = false;
  readonly #refused = new Set<string>();
  readonly #orders: Order[] = [];
  readonly #authorizations = new Map<string, Authorization>();
  /** Leaves by ARI identifier, with the window that the CA suggests. */
  readonly windows = new Map<string, { start: number; end: number }>();
  readonly revoked = new Set<string>();
  /** Orders and certificates that count, and failed validations, with their moments. */
  readonly counted: { per: keyof Issuer['limits'] | 'failed'; key: string; at: number }[] = [];
  /** What the CA would have refused: more than its limits allow. */
  readonly overdrawn: string[] = [];
  /** By what is limited: when the bucket is full again. */
  readonly #filledUntil = new Map<string, number>();
  #serial = 1;

  constructor(issuer: Issuer, world: { now: () => number; txt: (name: string) => string[] }) {
    this.issuer = issuer;
    this.#now = world.now;
    this.#txt = world.txt;
  }

  /** All methods that a step may call, without waiting. */
  readonly acme: Acme = {
    accountUrl: 'https://ca/account',
    thumbprint: 'thumbprint',
    directory: async () => ({
      newNonce: '',
      newAccount: '',
      newOrder: '',
      revokeCert: '',
      renewalInfo: 'https://ca/ari',
    }),
    nonce: async () => 'nonce',
    request: async url => this.#renewalInfo(url),
    spareNonce: () => undefined,
    keepNonce: () => {},
    requests: () => 0,
    findAccount: async () => 'https://ca/account',
    register: async () => 'https://ca/account',
    newOrder: async wish => this.#shown(this.#newOrder(wish)),
    order: async url => this.#shown(this.#orderAt(url)),
    authorization: async url => this.#shownAuthorization(url),
    txtValue: token => createHash('sha256').update(token).digest('base64url'),
    answer: async url => this.#validate(url),
    finalize: async ({ url }, csr) => this.#shown(this.#finalize(url, csr)),
    certificate: async url => this.#orderAt(url).chain!,
    revoke: async leaf => this.#revoke(leaf),
  };

  refuse(status: number, type: string, detail: string): never {
    const data = { type: `urn:ietf:params:acme:error:${type}`, detail };
    throw new AcmeProblem({ url: 'https://ca', status, headers: {}, data });
  }

  /** The CA suggests that every certificate be replaced at once, as in a mass revocation. */
  replaceAll(): void {
    const now = this.#now();
    for (const id of this.windows.keys()) this.windows.set(id, { start: now - 2 * HOUR, end: now - HOUR });
  }

  #newOrder({ names, replaces }: { names: string[]; replaces?: string }): Order {
    const now = this.#now();
    const set = [...names].sort().join(' ');
    const known = this.#orders.find(
      order => order.names.join(' ') === set && ['pending', 'ready'].includes(this.#statusOf(order)),
    );
    if (known) return known;
    if (replaces === undefined) this.#count('account', '');
    const order: Order = {
      url: `https://ca/order/${this.issuer.name}/${this.#orders.length + 1}`,
      ...{ names: set.split(' '), status: 'pending', until: now + ORDER_MS },
      authorizations: names.map(name => this.#authorizationFor(name).url),
    };
    this.#orders.push(order);
    return order;
  }

  #authorizationFor(name: string): Authorization {
    const now = this.#now();
    const known = [...this.#authorizations.values()].find(
      one => one.name === name && one.status !== 'invalid' && one.until > now,
    );
    if (known) return known;
    const url = `https://ca/authorization/${this.issuer.name}/${this.#authorizations.size + 1}`;
    const wildcard = name.startsWith('*.');
    const made: Authorization = {
      url,
      name,
      wildcard,
      token: `token of ${url}`,
      status: 'pending',
      until: now + ORDER_MS,
    };
    this.#authorizations.set(url, made);
    return made;
  }

  #validate(url: string): void {
    const one = this.#authorizations.get(url.replace(/#.*$/, ''))!;
    if (one.status !== 'pending') this.refuse(400, 'malformed', 'the authorization is not pending');
    const value = this.acme.txtValue(one.token);
    const bare = one.name.replace(/^\*\./, '');
    const isValid = this.#txt(`_acme-challenge.${bare}`).includes(value);
    Object.assign(one, isValid ? { status: 'valid', until: this.#now() + AUTHORIZATION_MS } : { status: 'invalid' });
    if (!isValid) this.#count('failed', bare);
  }

  #finalize(url: string, csr: Buffer): Order {
    const order = this.#orderAt(url);
    if (this.#statusOf(order) !== 'ready') this.refuse(403, 'orderNotReady', 'the order is not ready');
    const publicKey = publicKeyOf(csr);
    const key = publicKey.toString('hex');
    if (this.refusesNext) this.#refused.add(key);
    this.refusesNext = false;
    if (this.#refused.has(key)) this.refuse(400, 'badPublicKey', 'the key is on a block list');
    const from = Math.floor(this.#now() / 1000) * 1000 - HOUR;
    const until = from + this.lifeDays * DAY;
    const chain = leafFor({ serial: ++this.#serial, names: order.names, publicKey, from, until });
    this.windows.set(ariId(new X509Certificate(chain))!, windowOf({ from, until }));
    this.#count('exactSet', order.names.join(' '));
    this.#count('registeredDomain', order.names[0]!.split('.').slice(-2).join('.'));
    return Object.assign(order, { chain, status: 'valid' as const });
  }

  #revoke(leaf: Buffer): void {
    const { fingerprint256 } = new X509Certificate(leaf);
    if (this.revoked.has(fingerprint256)) this.refuse(400, 'alreadyRevoked', 'revoked before');
    this.revoked.add(fingerprint256);
  }

  #renewalInfo(url: string): CaAnswer {
    const window = this.windows.get(url.split('/').at(-1)!);
    if (!window) return { url, status: 404, headers: {}, data: undefined };
    const [start, end] = [window.start, window.end].map(at => new Date(at).toISOString());
    return { url, status: 200, headers: { 'retry-after': '21600' }, data: { suggestedWindow: { start, end } } };
  }

  #orderAt(url: string): Order {
    const order = this.#orders.find(one => one.url === url);
    if (!order || this.#now() > order.until + 30 * DAY) this.refuse(404, 'malformed', 'no such order');
    return order;
  }

  #statusOf(order: Order): AcmeOrder['status'] {
    if (order.status === 'valid') return 'valid';
    const states = order.authorizations.map(url => this.#authorizations.get(url)!.status);
    if (this.#now() > order.until || states.includes('invalid')) return 'invalid';
    return states.every(state => state === 'valid') ? 'ready' : 'pending';
  }

  #shown(order: Order): AcmeOrder {
    const { url, names, authorizations } = order;
    const identifiers = names.map(value => ({ type: 'dns', value }));
    const status = this.#statusOf(order);
    const made = status === 'valid' && { certificate: url };
    return { url, status, identifiers, authorizations, finalize: url, ...made };
  }

  #shownAuthorization(url: string) {
    const { name, wildcard, token, status } = this.#authorizations.get(url)!;
    const error = status === 'invalid' && {
      error: { type: 'urn:ietf:params:acme:error:unauthorized', detail: 'no TXT' },
    };
    const challenge = { type: 'dns-01', url: `${url}#dns`, status, token, ...error };
    const identifier = { type: 'dns', value: name.replace(/^\*\./, '') };
    return { identifier, status, wildcard, challenges: [challenge] };
  }

  /** A token bucket, as Let's Encrypt's limits are: `count` at once, refilled over the window. */
  #count(per: ModelCa['counted'][number]['per'], key: string): void {
    const at = this.#now();
    this.counted.push({ per, key, at });
    const limit = per === 'failed' ? { count: FAILED_AN_HOUR, windowMs: HOUR } : this.issuer.limits[per];
    if (!limit) return;
    const { count, windowMs } = limit;
    const full = Math.max(this.#filledUntil.get(`${per} ${key}`) ?? 0, at) + windowMs / count;
    this.#filledUntil.set(`${per} ${key}`, full);
    if (full > at + windowMs) this.overdrawn.push(`more than ${count} of ${per} ${key} in ${windowMs / HOUR} h`);
  }
}

/** Two days at two thirds of the life; of a short life, the sixth part of it. */
function windowOf({ from, until }: { from: number; until: number }): { start: number; end: number } {
  const start = until - (until - from) / 3;
  return { start, end: start + Math.min(2 * DAY, (until - from) / 6) };
}

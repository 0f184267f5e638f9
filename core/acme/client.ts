/**
 * ACME (RFC 8555) as this project uses it. The one module that knows acme-client: its JWS signing, its answer to
 * badNonce, external account binding and CSRs. Not used: `auto`, `verifyChallenge`, `waitForValidStatus` and its
 * HTTP (see transport.ts).
 */
import { createHash } from 'node:crypto';
import { Client, crypto as acmeCrypto } from 'acme-client';
import { AcmeProblem, AcmeTransport, header, isProblem } from './problem.ts';
import type { CaAnswer, Problem } from './problem.ts';
import { openConnection } from './transport.ts';
import type { Connection, ConnectionOptions } from './transport.ts';

export interface Identifier {
  type: string;
  value: string;
}

/** RFC 8555 §7.1.3, with the URL it was read from and how long the CA asked us to wait before the next look. */
export interface AcmeOrder {
  url: string;
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  identifiers: Identifier[];
  authorizations: string[];
  finalize: string;
  certificate?: string;
  error?: Problem;
  profile?: string;
  replaces?: string;
  retryAfter?: string;
}

/** RFC 8555 §7.1.4. `identifier.value` is the bare name for a wildcard too. */
export interface AcmeAuthorization {
  identifier: Identifier;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  wildcard?: boolean;
  challenges: { type: string; url: string; status: string; token: string; error?: Problem }[];
}

/** All calls throw AcmeProblem or AcmeTransport. */
export interface Acme extends Connection {
  /** Undefined until registered, where none was given. */
  readonly accountUrl: string | undefined;
  /** Of the account's public key (RFC 7638): tells whether it is still the same. */
  readonly thumbprint: string;
  /** The URL of the account that this key has, if it has one (RFC 8555 §7.3.1). */
  findAccount(): Promise<string | undefined>;
  /** Makes the account, or finds the one this key has. Returns its URL, to be kept. */
  register(account: Registration): Promise<string>;
  newOrder(order: { names: string[]; profile?: string; replaces?: string }): Promise<AcmeOrder>;
  order(url: string): Promise<AcmeOrder>;
  authorization(url: string): Promise<AcmeAuthorization>;
  /** What the TXT record has to say (RFC 8555 §8.4). */
  txtValue(token: string): string;
  /** Tells the CA that the record is there. */
  answer(challengeUrl: string): Promise<void>;
  finalize(order: Pick<AcmeOrder, 'url' | 'finalize'>, csrDer: Buffer): Promise<AcmeOrder>;
  /** The chain as PEM, leaf first. */
  certificate(url: string): Promise<string>;
  /** @param reason RFC 5280 §5.3.1, e.g. 1 key compromise, 4 superseded */
  revoke(leafDer: Buffer, reason: number): Promise<void>;
}

export interface Registration {
  /** `mailto:…`; the CA may accept none. */
  contact: string[];
  termsAgreed: boolean;
  /** RFC 8555 §7.3.4; `hmacKey` in base64url. */
  externalAccountBinding?: { kid: string; hmacKey: string };
}

/** The private members of acme-client 5.4.0 that we use; test/core/acme/client.test.ts fails when they change. */
interface Signer {
  request: Connection['request'];
  getNonce: () => Promise<string>;
  getJwk(): object;
  externalAccountBinding: Partial<NonNullable<Registration['externalAccountBinding']>>;
  signedRequest(
    url: string,
    payload: object | null,
    options: { kid?: string | null; includeExternalAccountBinding?: boolean },
  ): Promise<CaAnswer>;
}

/**
 * @param options.accountKey PKCS8 PEM, EC or RSA
 * @param options.accountUrl kept from `register`: without it each process would ask again who it is
 */
export function connect(options: ConnectionOptions & { accountKey: string; accountUrl?: string }): Acme {
  const { directoryUrl, accountKey } = options;
  let accountUrl = options.accountUrl;
  const connection = openConnection(options);
  const signer = (new Client({ directoryUrl, accountKey }) as unknown as { http: Signer }).http;
  signer.request = connection.request;
  signer.getNonce = connection.nonce;

  async function post(url: string, payload: object | null): Promise<CaAnswer> {
    if (!accountUrl) throw new Error('register first, or connect with the account URL');
    return checked(await signer.signedRequest(url, payload, { kid: accountUrl }));
  }

  const thumbprint = createHash('sha256').update(JSON.stringify(signer.getJwk())).digest('base64url');

  return {
    ...connection,
    thumbprint,
    get accountUrl() {
      return accountUrl;
    },

    async findAccount() {
      const { newAccount } = await connection.directory();
      try {
        return (accountUrl = location(
          checked(await signer.signedRequest(newAccount, { onlyReturnExisting: true }, {})),
        ));
      } catch (error) {
        if (isProblem(error, 'accountDoesNotExist')) return undefined;
        throw error;
      }
    },

    async register({ contact, termsAgreed, externalAccountBinding }) {
      signer.externalAccountBinding = externalAccountBinding ?? {};
      const { newAccount } = await connection.directory();
      const account = { contact, termsOfServiceAgreed: termsAgreed };
      const answer = checked(await signer.signedRequest(newAccount, account, { includeExternalAccountBinding: true }));
      return (accountUrl = location(answer));
    },

    async newOrder({ names, ...wishes }) {
      const identifiers = names.map(value => ({ type: 'dns', value }));
      const { newOrder } = await connection.directory();
      const answer = await post(newOrder, { identifiers, ...wishes });
      return orderOf(answer, location(answer));
    },

    order: async url => orderOf(await post(url, null), url),

    authorization: async url => (await post(url, null)).data,

    txtValue(token) {
      return createHash('sha256').update(`${token}.${thumbprint}`).digest('base64url');
    },

    async answer(challengeUrl) {
      await post(challengeUrl, {});
    },

    finalize: async (order, csrDer) =>
      orderOf(await post(order.finalize, { csr: csrDer.toString('base64url') }), order.url),

    certificate: async url => (await post(url, null)).data,

    async revoke(leafDer, reason) {
      const { revokeCert } = await connection.directory();
      await post(revokeCert, { certificate: leafDer.toString('base64url'), reason });
    },
  };
}

/**
 * A PKCS #10 request (RFC 2986) for exactly these names; no common name, which the CA's newer profiles leave out.
 * @param keyPem of the certificate, never the account's
 */
export async function csrFor(names: string[], keyPem: string): Promise<Buffer> {
  const [, pem] = await acmeCrypto.createCsr({ altNames: [...names] }, keyPem);
  return Buffer.from(acmeCrypto.getPemBodyAsB64u(pem), 'base64url');
}

function checked(answer: CaAnswer): CaAnswer {
  if (answer.status >= 400) throw new AcmeProblem(answer);
  return answer;
}

function location(answer: CaAnswer): string {
  const url = header(answer, 'location');
  if (!url) throw new AcmeTransport(`${answer.url} answered without a Location`);
  return url;
}

function orderOf(answer: CaAnswer, url: string): AcmeOrder {
  const retryAfter = header(answer, 'retry-after');
  return { ...answer.data, url, ...(retryAfter && { retryAfter }) };
}

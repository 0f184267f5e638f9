/**
 * ACME (RFC 8555) as this project uses it. This is the only module that imports acme-client: its
 * JWS signing, its retry after badNonce, external account binding and CSRs. Not used are its
 * `auto`, `verifyChallenge` and `waitForValidStatus`, and its HTTP client (see transport.ts).
 */
import { createHash } from 'node:crypto';
import { Client, crypto as acmeCrypto } from 'acme-client';
import { authorizationIn, chainIn, locationIn, orderIn, type AcmeAuthorization, type AcmeOrder } from './answers.ts';
import { AcmeProblem, isProblem } from './problem.ts';
import type { CaAnswer } from './problem.ts';
import { openConnection } from './transport.ts';
import type { Connection, ConnectionOptions } from './transport.ts';

/** All calls throw AcmeProblem or AcmeTransport. */
export interface Acme extends Connection {
  /** Undefined until the account is registered or found, unless `connect` was given one. */
  readonly accountUrl: string | undefined;
  /**
   * Thumbprint of the account's public key (RFC 7638), which shows whether the key is still the
   * same.
   */
  readonly thumbprint: string;
  /** The URL of this key's account; undefined if the key has none (RFC 8555 §7.3.1). */
  findAccount(): Promise<string | undefined>;
  /**
   * Creates the account, or finds the account of this key. @returns the account's URL, to be stored
   */
  register(account: Registration): Promise<string>;
  newOrder(order: { names: string[]; profile?: string; replaces?: string }): Promise<AcmeOrder>;
  order(url: string): Promise<AcmeOrder>;
  authorization(url: string): Promise<AcmeAuthorization>;
  /** The value of the TXT record for a challenge's token (RFC 8555 §8.4). */
  txtValue(token: string): string;
  /** Tells the CA that the TXT record is published. */
  answer(challengeUrl: string): Promise<void>;
  finalize(order: Pick<AcmeOrder, 'url' | 'finalize'>, csrDer: Buffer): Promise<AcmeOrder>;
  /** The chain as PEM, leaf first. */
  certificate(url: string): Promise<string>;
  /** @param reason RFC 5280 §5.3.1, e.g. 1 key compromise, 4 superseded */
  revoke(leafDer: Buffer, reason: number): Promise<void>;
}

export interface Registration {
  /** `mailto:…` addresses; may be empty. */
  contact: string[];
  termsAgreed: boolean;
  /** RFC 8555 §7.3.4; `hmacKey` in base64url. */
  externalAccountBinding?: { kid: string; hmacKey: string };
}

/**
 * The private members of acme-client 5.4.0 that we use. test/core/acme/client.test.ts fails if they
 * change.
 */
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
 * @param options.accountKey PKCS #8 PEM, EC or RSA
 * @param options.accountUrl what `register` returned; without it each process would ask the CA for
 *   it again
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
        return (accountUrl = locationIn(
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
      return (accountUrl = locationIn(answer));
    },

    async newOrder({ names, ...wishes }) {
      const identifiers = names.map(value => ({ type: 'dns', value }));
      const { newOrder } = await connection.directory();
      const answer = await post(newOrder, { identifiers, ...wishes });
      return orderIn(answer, locationIn(answer));
    },

    order: async url => orderIn(await post(url, null), url),

    authorization: async url => authorizationIn(await post(url, null)),

    txtValue(token) {
      return createHash('sha256').update(`${token}.${thumbprint}`).digest('base64url');
    },

    async answer(challengeUrl) {
      await post(challengeUrl, {});
    },

    finalize: async (order, csrDer) =>
      orderIn(await post(order.finalize, { csr: csrDer.toString('base64url') }), order.url),

    certificate: async url => chainIn(await post(url, null)),

    async revoke(leafDer, reason) {
      const { revokeCert } = await connection.directory();
      await post(revokeCert, { certificate: leafDer.toString('base64url'), reason });
    },
  };
}

/**
 * A PKCS #10 request (RFC 2986) for exactly these names. The request has no common name, because
 * the newer profiles of CAs leave the common name out.
 * @param keyPem the certificate's key, never the account's
 * @returns DER
 */
export async function csrFor(names: string[], keyPem: string): Promise<Buffer> {
  const [, pem] = await acmeCrypto.createCsr({ altNames: [...names] }, keyPem);
  return Buffer.from(acmeCrypto.getPemBodyAsB64u(pem), 'base64url');
}

function checked(answer: CaAnswer): CaAnswer {
  if (answer.status >= 400) throw new AcmeProblem(answer);
  return answer;
}

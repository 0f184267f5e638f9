/**
 * A provided certificate as the strictest of the servers and clients see it. OpenSSL at level 2 is
 * the measure, which Debian and most clients use, and the OpenSSL inside Node is asked: one
 * handshake in memory checks hashes, name constraints, purposes and path lengths.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { connect, createSecureContext, rootCertificates, TLSSocket } from 'node:tls';

interface Problem {
  text: string;
  remedy: string;
}

const STRICT = { ciphers: 'DEFAULT@SECLEVEL=2', minVersion: 'TLSv1.2' } as const;
const SMALLEST_RSA = 2048;
/** The curves of RFC 8446 §4.2.7 that clients offer without being told to. */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const OTHER_TYPES = ['ed25519', 'ed448'];

/** OpenSSL's reason → what the buyer reads. */
const REASONS: [RegExp, Problem][] = [
  [
    /digest algorithm too weak|md too weak/,
    {
      text: 'it or a CA of its chain is signed with a hash that clients refuse, such as SHA-1',
      remedy: 'ask its issuer for a certificate that is signed with SHA-256',
    },
  ],
  [
    /subtree violation/,
    {
      text: 'a CA of its chain may not issue for its names (name constraints)',
      remedy: 'ask for a certificate from a CA that may issue for these names',
    },
  ],
  [
    /certificate purpose/,
    {
      text: 'a CA of its chain may not issue for TLS servers (extended key usage)',
      remedy: 'ask its issuer for the chain for TLS servers',
    },
  ],
];

/** @param chain the leaf first; without a root */
export function keySizeProblem(chain: X509Certificate[]): Problem | undefined {
  for (const [i, { publicKey }] of chain.entries()) {
    const weak = weakness(publicKey);
    if (weak === undefined) continue;
    const remedy = 'get a certificate with an RSA key of 2048 bits or more, or an ECDSA key on P-256 or P-384';
    return { text: `${i === 0 ? 'its key' : 'the key of a CA in its chain'} is ${weak}, which clients refuse`, remedy };
  }
  return undefined;
}

function weakness({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = 'a curve without a name' } = asymmetricKeyDetails;
  const type: string = asymmetricKeyType ?? 'unknown';
  if (type.startsWith('rsa')) return modulusLength < SMALLEST_RSA ? `RSA with ${modulusLength} bits` : undefined;
  if (type === 'ec') return CURVES.includes(namedCurve) ? undefined : `on the curve ${namedCurve}`;
  return OTHER_TYPES.includes(type) ? undefined : `of the type ${type}`;
}

/**
 * Dates are those of the machine's clock. Keys must have passed `keySizeProblem`: with a key on a
 * Brainpool curve, Node 24.21 ends with a segmentation fault.
 * @param offered.name the client asks for it
 * @param offered.roots PEM, trusted in addition to Mozilla's roots
 */
export async function handshakeProblem(offered: {
  chainPem: string;
  keyPem: string;
  name: string;
  roots: string;
}): Promise<Problem | undefined> {
  const [near, far] = duplexPair();
  try {
    const secureContext = createSecureContext({ cert: offered.chainPem, key: offered.keyPem, ...STRICT });
    const server = new TLSSocket(far as never, { isServer: true, secureContext });
    server.on('error', () => undefined); // the client's error is the one that is told
    const ca = [...rootCertificates, ...(offered.roots ? [offered.roots] : [])];
    const client = connect({ socket: near, servername: offered.name, ca, ...STRICT });
    await once(client, 'secureConnect');
    return undefined;
  } catch (error) {
    const { message, reason = message } = error as Error & { reason?: string };
    const known = REASONS.find(([pattern]) => pattern.test(reason))?.[1];
    return known ?? { text: `a TLS client refuses it (${reason})`, remedy: 'ask its issuer for another chain' };
  } finally {
    near.destroy();
    far.destroy();
  }
}

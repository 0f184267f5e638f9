/**
 * One handshake with a server as a client makes it: by name, trusting the given roots and nothing
 * else.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type PeerCertificate, type SecureContext } from 'node:tls';

export interface Look {
  /** The server's address. */
  address: string;
  port: number;
  /** The name that the client typed: sent as SNI, and compared with the certificate. */
  name: string;
  /** No SNI is sent. The certificate must be valid for the name all the same. */
  isNameUnsaid?: true;
  /** PEM roots; nothing else is trusted. */
  trust: SecureContext;
  /** Time for the whole look, milliseconds. Bytes that trickle in do not extend it. */
  patienceMs?: number;
}

export interface Seen {
  /** The port answered. */
  reached: boolean;
  trusted: boolean;
  /** Why the certificate is not trusted, in OpenSSL's or Node's words. */
  reason?: string;
  issuer?: string;
  notAfter?: number;
  /** sha256 of the leaf's DER, hex. */
  fingerprint?: string;
}

const PATIENCE_MS = 10_000;
/** Characters before TLS begins: a line has 512 at most (RFC 5321 §4.5.3.1), and a greeting few. */
const GREETING = 8_192;

/**
 * @param roots PEM, any number. The context is made once, since 150 roots take longer to read than
 *   a handshake
 */
export function trusting(...roots: string[]): SecureContext {
  return createSecureContext({ ca: roots, minVersion: 'TLSv1.2' });
}

/**
 * The clear-text lines before TLS begins: wait for a line, send a line, and so on (RFC 3207, RFC
 * 2595).
 */
const STARTTLS: Record<number, (string | RegExp)[]> = {
  25: [/^220 /m, 'EHLO look.test\r\n', /^250 /m, 'STARTTLS\r\n', /^220 /m],
  587: [/^220 /m, 'EHLO look.test\r\n', /^250 /m, 'STARTTLS\r\n', /^220 /m],
  143: [/^\* OK/m, 'a STARTTLS\r\n', /^a OK/m],
  110: [/^\+OK/m, 'STLS\r\n', /^\+OK/m],
};

export async function handshake(look: Look): Promise<Seen> {
  const { address, port, patienceMs = PATIENCE_MS } = look;
  let socket: Socket | undefined;
  let isReached = false;
  let deadline: NodeJS.Timeout | undefined;
  try {
    socket = connectTcp({ host: address, port });
    deadline = setTimeout(late, patienceMs, socket, `no TLS on port ${port} within ${patienceMs / 1000} s`);
    await connected(socket);
    isReached = true;
    for (const step of STARTTLS[look.port] ?? []) {
      if (typeof step === 'string') socket.write(step);
      else await answer(socket, step);
    }
    return await secure(socket, look);
  } catch (error) {
    return { reached: isReached, trusted: false, reason: (error as Error).message };
  } finally {
    clearTimeout(deadline);
    socket?.destroy();
  }
}

function late(socket: Socket, why: string): void {
  socket.destroy(new Error(why));
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => void socket.once('connect', resolve).once('error', reject));
}

function answer(socket: Socket, expected: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (error?: Error) => {
      socket.off('data', read).off('error', done).off('close', closed);
      if (error) reject(error);
      else resolve();
    };
    const read = (data: Buffer) => {
      text += data.toString('latin1');
      if (text.length > GREETING) done(new Error(`the server sent ${GREETING} characters and no answer`));
      else if (expected.test(text)) done();
    };
    const closed = () => done(new Error(`the server hung up after "${text.trim().slice(-80)}"`));
    socket.on('data', read).on('error', done).on('close', closed);
  });
}

function secure(socket: Socket, { name, isNameUnsaid, trust }: Look): Promise<Seen> {
  return new Promise((resolve, reject) => {
    socket.removeAllListeners('data');
    const tls = connectTls({
      socket,
      ...(!isNameUnsaid && { servername: name }),
      host: name,
      secureContext: trust,
      rejectUnauthorized: false,
    });
    // The deadline destroys the socket below, which ends TLS without a reason of its own.
    socket.once('error', reject);
    tls.once('error', reject).once('close', () => reject(new Error('the server hung up during the handshake')));
    tls.once('secureConnect', () => {
      // rejectUnauthorized is off so that an untrusted certificate can be reported; the verdict is
      // Node's own.
      const seen = describe(tls.getPeerCertificate(), tls.authorized ? undefined : String(tls.authorizationError));
      // With close_notify: a mail server may keep a connection that ends without it for one more
      // second (measured), and takes no more than 20 connections at a time.
      tls.removeAllListeners('close').end();
      resolve(seen);
    });
  });
}

function describe(certificate: PeerCertificate, reason: string | undefined): Seen {
  const issuer = certificate.issuer?.CN ?? certificate.issuer?.O;
  return {
    reached: true,
    trusted: reason === undefined,
    ...(reason && { reason }),
    ...(issuer && { issuer: String(issuer) }),
    notAfter: Date.parse(certificate.valid_to),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

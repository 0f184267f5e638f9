/**
 * HTTP to one CA: its own roots, a time limit for each request, nonces that are used again, and
 * errors with a name. acme-client only signs, because its own HTTP client (axios) sleeps up to 75 s
 * in a call, or the whole Retry-After; it sends newOrder again if the answer was lost; and it turns
 * a refused connection into a TypeError.
 */
import { Agent, request as httpsRequest } from 'node:https';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { directoryIn, type Directory } from './answers.ts';
import { AcmeProblem, AcmeTransport, header } from './problem.ts';
import type { CaAnswer } from './problem.ts';

export interface ConnectionOptions {
  directoryUrl: string;
  /** PEM certificates, trusted in addition to Node's own; '' for none. */
  roots: string;
  userAgent: string;
  /** Time limit for a request, from its start to the last byte of its answer; 10 s by default. */
  timeoutMs?: number;
}

/** Characters of an answer. A chain has some thousand, and a problem document fewer. */
const MOST_CHARACTERS = 1_000_000;

/** HTTP methods as acme-client spells them. */
type Method = 'get' | 'head' | 'post';

export interface Connection {
  directory(): Promise<Directory>;
  /** An unused nonce (RFC 8555 §6.5), from an earlier answer or from newNonce. */
  nonce(): Promise<string>;
  /** Any status is an answer. @throws AcmeTransport */
  request(url: string, method: Method, options?: { data?: unknown }): Promise<CaAnswer>;
  /** Gives away an unused nonce for another process, which saves that process two requests. */
  spareNonce(): string | undefined;
  keepNonce(nonce: string): void;
  /** Number of HTTP requests so far. */
  requests(): number;
}

/**
 * Kept for the life of the process, so that a warm Lambda saves two requests an invocation. A nonce
 * that is too old costs one badNonce.
 */
const noncesOf = new Map<string, string[]>();
const directoryOf = new Map<string, Directory>();
const trustOf = new Map<string, SecureContext>();

export function openConnection(options: ConnectionOptions): Connection {
  const { directoryUrl, roots, userAgent, timeoutMs = 10_000 } = options;
  const nonces = noncesOf.get(directoryUrl) ?? [];
  noncesOf.set(directoryUrl, nonces);
  // One agent for each connection, and not for the process. Otherwise a Lambda that was frozen
  // would send its first POST into a socket that the CA has closed meanwhile, and a POST with an
  // unknown result must not be sent again blindly.
  const agent = new Agent({ keepAlive: true, ...(roots && { secureContext: trust(roots) }) });
  let count = 0;

  async function request(url: string, method: Method, { data }: { data?: unknown } = {}): Promise<CaAnswer> {
    count += 1;
    const answer = await send(url, method, data);
    const nonce = header(answer, 'replay-nonce');
    // After badNonce acme-client signs again with the nonce of that answer. The nonce of a HEAD
    // goes to the caller.
    const taken = method === 'head' || answer.data?.type === 'urn:ietf:params:acme:error:badNonce';
    if (nonce && !taken) nonces.push(nonce);
    return answer;
  }

  function send(url: string, as: Method, data: unknown): Promise<CaAnswer> {
    const method = as.toUpperCase();
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        const why = error.name === 'AbortError' ? `no answer within ${timeoutMs} ms` : error.message || error.code;
        reject(new AcmeTransport(`${method} ${url}: ${why}`, { cause: error }));
      };
      const headers: Record<string, string> = { 'User-Agent': userAgent, Accept: '*/*' };
      if (data !== undefined) headers['Content-Type'] = 'application/jose+json'; // RFC 8555 §6.2
      const signal = AbortSignal.timeout(timeoutMs);
      const sent = httpsRequest(url, { method, agent, headers, signal }, answer => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', chunk => {
          text += chunk;
          if (text.length > MOST_CHARACTERS)
            answer.destroy(new Error(`an answer of more than ${MOST_CHARACTERS} characters`));
        });
        answer.on('error', failed);
        answer.on('end', () => {
          try {
            resolve({ url, status: answer.statusCode!, headers: answer.headers, data: parse(answer.headers, text) });
          } catch (error) {
            failed(error as Error);
          }
        });
      });
      sent.on('error', failed);
      sent.end(data === undefined ? undefined : JSON.stringify(data));
    });
  }

  async function directory(): Promise<Directory> {
    const known = directoryOf.get(directoryUrl);
    if (known) return known;
    const answer = await request(directoryUrl, 'get');
    if (answer.status >= 400) throw new AcmeProblem(answer);
    const found = directoryIn(answer);
    directoryOf.set(directoryUrl, found);
    return found;
  }

  async function nonce(): Promise<string> {
    const spare = nonces.pop();
    if (spare) return spare;
    const answer = await request((await directory()).newNonce, 'head');
    if (answer.status >= 400) throw new AcmeProblem(answer);
    const fresh = header(answer, 'replay-nonce');
    if (!fresh) throw new AcmeTransport(`${answer.url} gave no nonce`);
    return fresh;
  }

  return {
    directory,
    nonce,
    request,
    spareNonce: () => nonces.pop(),
    keepNonce: nonce => void nonces.push(nonce),
    requests: () => count,
  };
}

/**
 * Node's own roots are about 140 certificates to parse, so they are parsed once for each process.
 */
function trust(roots: string): SecureContext {
  const known = trustOf.get(roots);
  if (known) return known;
  const context = createSecureContext({ ca: [...rootCertificates, roots] });
  trustOf.set(roots, context);
  return context;
}

function parse(headers: CaAnswer['headers'], text: string): unknown {
  return /\bjson\b/.test(header({ headers }, 'content-type') ?? '') && text ? JSON.parse(text) : text;
}

/** Stands before a real CA and can do it harm: Pebble itself is never away, never busy and never limits anybody. */
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Ca } from '../../../local/ca/pebble.ts';

/** What befalls a request: an answer instead of the CA's; `lost`: the CA gets it, we never get its answer; `silent`: nothing at all; `refused`: cut off. */
export type Fault =
  { status: number; headers?: Record<string, string>; body?: unknown } | 'lost' | 'silent' | 'refused';

export interface Proxy {
  directoryUrl: string;
  /** `POST /order-plz` of each request that came to the proxy. */
  seen: string[];
  /** `201 POST /order-plz` of each that the CA answered: it refuses 5 % of good nonces, on purpose, and such a request counts for nothing. */
  answered: string[];
  /** Asked for each request. */
  fault: (line: string) => Fault | undefined;
  stop(): void;
}

/** @param directory the CA's, which has the certificate that its clients trust */
export async function startProxy(ca: Pick<Ca, 'directoryUrl' | 'tlsRoot'>, directory: string): Promise<Proxy> {
  const pebble = new URL(ca.directoryUrl);
  const tls = { cert: await readFile(join(directory, 'tls.pem')), key: await readFile(join(directory, 'tls.key')) };

  const server = createServer(tls, async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    const line = `${incoming.method} ${incoming.url!.replace(/\/[\w-]{16,}.*$/, '/…')}`;
    proxy.seen.push(line);
    const fault = proxy.fault(line);
    if (fault === 'silent') return;
    if (fault === 'refused') return void outgoing.destroy();
    if (typeof fault === 'object')
      return void outgoing.writeHead(fault.status, fault.headers).end(bodyText(fault.body));
    forward(incoming, body, outgoing, { line, isLost: fault === 'lost' });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));

  function forward(
    incoming: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse,
    { line, isLost }: { line: string; isLost: boolean },
  ) {
    const { method, url: path, headers } = incoming;
    // With the proxy's Host header Pebble makes all its URLs lead through the proxy.
    const sent = request(
      { host: pebble.hostname, port: pebble.port, method, path, headers, ca: ca.tlsRoot },
      answer => {
        proxy.answered.push(`${answer.statusCode} ${line}`);
        if (isLost) return void outgoing.destroy();
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      },
    );
    sent.on('error', () => outgoing.destroy());
    sent.end(body);
  }

  const proxy: Proxy = {
    directoryUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`,
    seen: [],
    answered: [],
    fault: () => undefined,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}

/** A problem document (RFC 7807) as an answer of a test's own. */
export const problem = (type: string, detail: string, more = {}) => ({
  headers: { 'content-type': 'application/problem+json' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail, ...more },
});

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body ?? '');
}

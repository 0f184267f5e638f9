/**
 * A proxy in front of a real CA that disturbs requests. Pebble itself is never unreachable, never
 * busy, and limits nothing.
 */
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Ca } from '../../../local/ca/pebble.ts';
import type { Fault } from '../../failures/rows/fault.ts';

export { problem } from '../../failures/rows/fault.ts';

export interface Proxy {
  directoryUrl: string;
  /** `POST /order-plz` for each request that came to the proxy. */
  seen: string[];
  /**
   * `201 POST /order-plz` for each request that the CA answered. Requests that the CA refused for
   * their nonce (5 % of good nonces, on purpose) are left out.
   */
  answered: string[];
  /** Called for each request. */
  fault: (line: string) => Fault | undefined;
  stop(): void;
}

/** @param directory the CA's folder, which has the certificate that its clients trust */
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
    if (typeof fault === 'object' && 'status' in fault)
      return void outgoing.writeHead(fault.status, fault.headers).end(bodyText(fault.body));
    forward(incoming, body, outgoing, { line, fault });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));

  function forward(
    incoming: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse,
    { line, fault }: { line: string; fault: Fault | undefined },
  ) {
    const { method, url: path, headers } = incoming;
    // Pebble builds its URLs from the Host header, so all of them lead through the proxy.
    const sent = request(
      { host: pebble.hostname, port: pebble.port, method, path, headers, ca: ca.tlsRoot },
      async answer => {
        proxy.answered.push(`${answer.statusCode} ${line}`);
        if (fault === 'lost') return void outgoing.destroy();
        const { 'content-length': _, ...others } = answer.headers;
        const isEdited = typeof fault === 'object' && 'edit' in fault;
        outgoing.writeHead(answer.statusCode!, isEdited ? others : answer.headers);
        if (isEdited) outgoing.end(fault.edit((await bodyOf(answer)).toString()));
        else answer.pipe(outgoing);
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

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body ?? '');
}

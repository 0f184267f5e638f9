/**
 * What a provider would use instead: certbot on the mail server, one run for each domain, and the
 * usual hook, which writes Postfix's SNI map and Dovecot's blocks from all certificates and reloads
 * both.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { startHost, type Host } from '../local/hosts/host.ts';
import { setUpMailServer } from '../local/hosts/mail-server.ts';
import { USUAL } from '../local/hosts/software.ts';
import type { Provider } from '../local/provider/provider.ts';

export interface UsualWay {
  host: Host;
  /**
   * From nothing to a certificate that the daemons have loaded.
   * @throws Error with certbot's last words
   */
  secure(domain: string): Promise<void>;
  stop(): Promise<void>;
}

const HOOK = `#!/bin/sh
set -eu
cd /etc/letsencrypt/live
for domain in */; do
  domain=\${domain%/}
  echo "mail.$domain $PWD/$domain/privkey.pem $PWD/$domain/fullchain.pem"
done >/etc/postfix/sni
postmap -F lmdb:/etc/postfix/sni
for domain in */; do
  domain=\${domain%/}
  printf 'local_name mail.%s {\\n  ssl_cert = <%s/fullchain.pem\\n  ssl_key = <%s/privkey.pem\\n}\\n' \\
    "$domain" "$PWD/$domain" "$PWD/$domain"
done >/etc/dovecot/conf.d/99-sni.conf
postfix reload
doveadm reload
`;

export async function usualWay(provider: Provider, directory: string): Promise<UsualWay> {
  const host = await startHost({
    name: 'usual',
    hostName: 'usual.provider.test',
    directory: join(directory, 'usual'),
    ...USUAL,
    packages: ['certbot', 'curl'],
    roots: provider.roots,
    report: () => {},
  });
  await setUpMailServer(host);
  await host.run(['postconf', '-e', 'tls_server_sni_maps = lmdb:/etc/postfix/sni']);
  await host.write('/usr/local/bin/usual-hook', Buffer.from(HOOK), 0o755);
  await host.write('/etc/ssl/ca-of-the-ca.pem', Buffer.from(provider.ca.tlsRoot), 0o644);

  const challenges = await challengeServer(provider, host.gateway);
  const port = Number(new URL(provider.ca.directoryUrl).port);
  const outside = await forward(host.gateway, '127.0.0.1', port);
  const inside = await forwardInside(host.pid, host.gateway, port, (outside.address() as AddressInfo).port);
  const publish = `curl -sf -d "$CERTBOT_DOMAIN $CERTBOT_VALIDATION" ${challenges.url}`;
  await host.write('/usr/local/bin/publish', Buffer.from(`#!/bin/sh\nexec ${publish}\n`), 0o755);

  const certbot = async (...args: string[]) => {
    const environment = { REQUESTS_CA_BUNDLE: '/etc/ssl/ca-of-the-ca.pem' };
    const command = ['certbot', ...args, '-n', '--server', provider.ca.directoryUrl];
    const { exitCode, stdout, stderr } = await host.run(command, { environment });
    if (exitCode !== 0) throw new Error(`certbot ${args[0]}: ${(stdout + stderr).trim().slice(-500)}`);
  };
  await certbot('register', '--agree-tos', '-m', 'certificates@provider.test');
  return {
    host,
    secure: domain =>
      certbot(
        ...['certonly', '--manual', '--preferred-challenges', 'dns', '--manual-auth-hook', '/usr/local/bin/publish'],
        ...['--deploy-hook', '/usr/local/bin/usual-hook', '--key-type', 'ecdsa', '--elliptic-curve', 'secp256r1'],
        ...['--cert-name', domain, '-d', domain, '-d', `*.${domain}`],
      ),
    async stop() {
      inside.kill('SIGKILL');
      outside.close();
      challenges.close();
      await host.stop();
    },
  };
}

/** Takes values from certbot's hook, and publishes each value in DNS. */
async function challengeServer(provider: Provider, address: string): Promise<{ url: string; close(): void }> {
  const values = new Map<string, string[]>();
  const server = createHttpServer(async (request, response) => {
    let said = '';
    for await (const part of request) said += part;
    const [domain, value] = said.split(' ') as [string, string];
    const all = [...(values.get(domain) ?? []), `"${value}"`];
    values.set(domain, all);
    const name = `_acme-challenge.${domain}`;
    await provider.setCustomerZone(name, [{ name, type: 'TXT', ttl: 1, values: all }]);
    response.end();
  });
  server.listen(0, address);
  await once(server, 'listening');
  return { url: `http://${address}:${(server.address() as AddressInfo).port}/`, close: () => void server.close() };
}

/**
 * Passes connections on. The CA listens on this machine's loopback only. Two of these let the test
 * host reach the CA under the same URL.
 */
async function forward(from: string, to: string, port: number): Promise<Server> {
  const server = createServer(socket => {
    const onward = connect(port, to);
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => (socket.destroy(), onward.destroy()));
  });
  server.listen(0, from);
  await once(server, 'listening');
  return server;
}

async function forwardInside(pid: number, gateway: string, listen: number, to: number): Promise<ChildProcess> {
  const program = `const { connect, createServer } = require('node:net');
    createServer(socket => {
      const onward = connect(${to}, '${gateway}');
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on('error', () => (socket.destroy(), onward.destroy()));
    }).listen(${listen}, '127.0.0.1', () => console.log('listening'));`;
  const child = spawn('nsenter', ['-t', String(pid), '-n', process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}

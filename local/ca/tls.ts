/** The certificate for the CA's own HTTPS: Debian's Pebble has none. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../machine/program.ts';

/**
 * Makes `tls.pem` and `tls.key` for 127.0.0.1 and localhost, once. `root` is the PEM certificate
 * that signed them.
 */
export async function ensureTlsRoot(directory: string): Promise<{ root: string }> {
  const rootFile = join(directory, 'tls-root.pem');
  if (!existsSync(join(directory, 'tls.pem'))) {
    const openssl = (...args: string[]) => mustRun(['env', '-C', directory, 'openssl', ...args]);
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    await openssl(
      ...['req', '-x509', ...newKey, '-keyout', 'tls-root.key', '-out', 'tls-root.pem', '-days', '3650'],
      ...[
        '-subj',
        '/CN=sealpost local TLS root',
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        'keyUsage=critical,keyCertSign',
      ],
    );
    await openssl('req', '-new', ...newKey, '-keyout', 'tls.key', '-subj', '/CN=localhost', '-out', 'tls.csr');
    await writeFile(
      join(directory, 'tls.ext'),
      'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n',
    );
    const sign = ['x509', '-req', '-in', 'tls.csr', '-CA', 'tls-root.pem', '-CAkey', 'tls-root.key', '-CAcreateserial'];
    await openssl(...sign, '-days', '3650', '-extfile', 'tls.ext', '-out', 'tls.pem');
  }
  return { root: await readFile(rootFile, 'utf8') };
}

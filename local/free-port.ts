/** A TCP port on 127.0.0.1: the wanted one where it is free, else any. */
import { createServer } from 'node:net';

export function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', error => (wanted === 0 ? reject(error) : resolve(freePort(0))));
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A TCP port on 127.0.0.1 that stays the same over restarts. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * The ports below Linux's ip_local_port_range. The kernel gives none of them to an outgoing
 * connection or for port 0.
 */
const [FIRST, END] = [10_000, 32_000];
const TRIES = 20;

/**
 * Returns the wanted port if it is free, else any.
 * @param wanted 0 for any
 */
export async function freePort(wanted: number): Promise<number> {
  if (wanted !== 0 && (await isFree(wanted))) return wanted;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, END);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free TCP port on 127.0.0.1: ${TRIES} tries between ${FIRST} and ${END} found every one taken`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

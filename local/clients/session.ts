/**
 * A client that stays connected over TLS while certificates change. It sends lines and waits for
 * answers.
 */
import { connect, type TLSSocket } from 'node:tls';
import { createInterface } from 'node:readline';

export interface Session {
  /**
   * Sends a line (or nothing) and waits for a line that matches.
   * @throws Error with all that came, if the connection ends first
   */
  ask(line: string | undefined, answer: RegExp): Promise<string>;
  close(): void;
}

export async function openSession(address: string, port: number, greeting: RegExp): Promise<Session> {
  const socket: TLSSocket = connect({ host: address, port, rejectUnauthorized: false });
  const lines: string[] = [];
  let ended = false;
  let arrived = () => {};
  createInterface({ input: socket }).on('line', line => {
    lines.push(line);
    arrived();
  });
  for (const event of ['error', 'close']) socket.on(event, () => ((ended = true), arrived()));
  const session: Session = {
    async ask(line, answer) {
      if (line !== undefined) socket.write(`${line}\r\n`);
      for (let read = 0; ;) {
        const found = lines.slice(read).find(each => answer.test(each));
        read = lines.length;
        if (found !== undefined) {
          lines.length = 0;
          return found;
        }
        if (ended) throw new Error(`the connection ended after: ${lines.join(' | ')}`);
        await new Promise<void>(resolve => (arrived = resolve));
      }
    },
    close: () => socket.destroy(),
  };
  await session.ask(undefined, greeting);
  return session;
}

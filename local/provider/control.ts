/**
 * How the commands speak to the provider that runs beside them: JSON over HTTP on a socket file that root alone can
 * open. What AWS has an API for is not in here: that goes through the stand-in, as anybody's requests do.
 */
import { rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';

/** What the provider answers to; an error's message reaches the person. */
export type Actions = Record<string, (argument: any) => unknown>;

/** A socket's path has 107 bytes at most (unix(7)); the way from here is usually the shorter one. */
function socketPath(directory: string): string {
  const file = join(directory, 'control.sock');
  const fromHere = relative(process.cwd(), file);
  return fromHere.length < file.length ? fromHere : file;
}

/** Listens in this directory. Throws when another provider does. */
export async function serveControl(directory: string, actions: Actions): Promise<Server> {
  const server = createServer((incoming, response) => {
    void (async () => {
      try {
        const { action, argument } = JSON.parse(await text(incoming)) as { action: string; argument: unknown };
        if (!Object.hasOwn(actions, action))
          throw new Error(`this provider does not know ${action}; is it an older one?`);
        response.end(JSON.stringify({ result: (await actions[action]!(argument)) ?? null }));
      } catch (error) {
        response.writeHead(500).end(JSON.stringify({ error: (error as Error).message }));
      }
    })();
  });
  if (await isUp(directory)) throw new Error('a provider runs in this directory already');
  rmSync(join(directory, 'control.sock'), { force: true }); // a killed provider's
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socketPath(directory), resolve);
  });
  return server;
}

/** Asks the provider of this directory. Throws NotUp when there is none, else an Error with the provider's words. */
export async function ask<T>(directory: string, action: string, argument: unknown = {}): Promise<T> {
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request({ socketPath: socketPath(directory), method: 'POST' }, response => {
      text(response).then(resolve, reject);
    });
    sent.on('error', () => reject(new NotUp()));
    sent.end(JSON.stringify({ action, argument }));
  });
  const { result, error } = JSON.parse(answer) as { result: T; error?: string };
  if (error !== undefined) throw new Error(error);
  return result;
}

export class NotUp extends Error {
  override readonly name = 'NotUp';
  constructor() {
    super('the local provider is not up: npm run local -- up');
  }
}

export async function isUp(directory: string): Promise<boolean> {
  return ask(directory, 'state').then(
    () => true,
    () => false,
  );
}

/**
 * The channel between the commands and the provider that runs beside them: JSON over HTTP on a
 * socket file that root alone can open. Things that AWS has an API for go through the stand-in, as
 * every client's requests do.
 */
import { rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';

/** The actions of the provider. An error's message reaches the person. */
export type Actions = Record<string, (argument: any) => unknown>;

/**
 * A socket's path has 107 bytes at most (unix(7)). The path relative to the current folder is
 * usually shorter.
 */
function socketPath(directory: string): string {
  const file = join(directory, 'control.sock');
  const fromHere = relative(process.cwd(), file);
  return fromHere.length < file.length ? fromHere : file;
}

/**
 * Listens in this folder.
 * @throws Error if another provider does
 */
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
  rmSync(join(directory, 'control.sock'), { force: true }); // a killed provider left it
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socketPath(directory), resolve);
  });
  return server;
}

/**
 * Asks the provider of this folder.
 * @throws NotUp if there is none; an Error with the provider's message
 */
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

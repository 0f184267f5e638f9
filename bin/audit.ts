/** `sealpost audit`: a server is audited now, beside its daily audit. */
import type { Answer, Here } from './here.ts';
import { Refusal } from './refusal.ts';

/** @param server as parseHostName returns it */
export async function audit(here: Here, _: object, server: string): Promise<Answer> {
  const { audit: ask } = await here.environment();
  if (!(await ask(server))) {
    const message = `${server} is not registered.`;
    throw new Refusal({ name: 'NotKnown', message, remedy: 'Put Mail Server Registered for it first.', exitCode: 1 });
  }
  const text =
    `${server} is audited now: sealpost watch shows the progress, ` + `sealpost status ${server} the result.`;
  return { text, data: { server, asked: true }, isWell: true };
}

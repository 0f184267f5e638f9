/** SendDelivery: sends one command that carries the delivery. The task waits by its token. */
import type { Clock } from '../clock.ts';
import { SealpostError } from '../errors.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { Assembled } from './assemble-delivery.ts';
import { deliveryPrefix, type Platform } from '../record/server.ts';
import type { Commands, SendingCommands } from '../ports/commands.ts';
import type { Executions } from '../ports/executions.ts';

export interface SendPorts {
  store: ServerStore & DeliveryStore;
  commands: SendingCommands;
  executions: Executions;
  clock: Clock;
  /** sha256 of the installer of this build for each platform, hex: no other one is ever run. */
  installers: Record<Platform, { sha256: string }>;
}

/**
 * SendCommand has no idempotency token. A command that already carries this delivery is used again.
 * A step that was killed before it recorded its command, and before the agent took that command,
 * sends a second one: the installer answers it from its record of the delivery.
 */
export async function sendDelivery(
  input: Assembled & { execution: string; token: string },
  ports: SendPorts,
): Promise<{ sent: boolean }> {
  const { store, commands, clock } = ports;
  const { server: name, delivery, execution, token } = input;
  const claim = { server: name, me: execution, now: clock.now() };
  const server = await store.renewServer(claim);
  if (server.delivery?.hash !== delivery.hash)
    throw new SealpostError('ClaimLost', { about: name, message: `${name} has another delivery under way` });
  // The installer runs as root. The function that assembles may write any object, so this function,
  // which may not, decides what is run.
  if (delivery.installer !== ports.installers[server.platform ?? 'Linux'].sha256)
    throw new SealpostError('InvalidStepOutput', {
      about: name,
      message: `delivery ${delivery.seq} of ${name} names the installer ${delivery.installer}, which is not the one of this build; the next round is assembled anew`,
    });
  await store.putToken({ hash: delivery.hash, server: name, token }, claim.now);
  const known = server.delivery.commandId ?? (await commands.find({ node: server.node, delivery: delivery.hash }));
  const commandId =
    known ??
    (await commands.send({
      node: server.node,
      delivery: delivery.hash,
      installer: delivery.installer,
      prefix: deliveryPrefix(server),
      about: name,
    }));
  await store.recordCommand(claim, { hash: delivery.hash, commandId, sentAt: clock.now() });
  // The event of a command that has ended was sent before the token was stored, so this step
  // resumes the task itself.
  if (known) await resume({ hash: delivery.hash, commandId, node: server.node }, ports);
  return { sent: known === undefined };
}

/**
 * Resumes the task that waits for this delivery, if its command has ended.
 * @returns whether the command had ended
 */
export async function resume(
  { hash, commandId, node }: { hash: string; commandId: string; node: string },
  { store, commands, executions }: { store: Pick<DeliveryStore, 'token'>; executions: Executions; commands: Commands },
): Promise<boolean> {
  const { state } = await commands.outcome({ commandId, node });
  if (state === 'under way') return false;
  const waiting = await store.token(hash);
  if (waiting) await executions.succeed(waiting.token, { commandId });
  return true;
}

/**
 * The sweep: one index finds all due domains and servers. Events only save time; the sweep
 * guarantees that nothing is left undone.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { riskiestFirst } from './risk.ts';
import { isSealpostError, passesByItself } from '../errors.ts';
import { resume } from '../deliver-to-server/send-delivery.ts';
import { isAwake } from '../record/server.ts';
import { wakeServers } from '../work/wake.ts';
import type { Due, DueStore } from '../ports/due-store.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { Commands } from '../ports/commands.ts';
import type { Executions } from '../ports/executions.ts';

export interface SweepPorts {
  store: DueStore & ServerStore & DeliveryStore;
  commands: Commands;
  executions: Executions;
  clock: Clock;
}

/** Domains that one sweep starts: 1,000 a minute are 1.44 million a day (docs/decisions/0027). */
const DOMAINS = 1_000;
/** Servers that one sweep attends to. */
const SERVERS = 500;
/**
 * Calls under way at once, for each kind. At 30 ms a call, 4 lanes make 130
 * domains and 65 servers a second, which is within StartExecution's quota in the smaller regions (a
 * burst of 800, then 150 a second).
 */
const LANES = 4;
/**
 * Time for one sweep; the function has a minute. What is not reached stays due for the next sweep.
 */
const PATIENCE_MS = 45_000;
/** Due items that are read. The riskiest of them are chosen. */
const SEEN = 4_000;
/** A re-evaluation that failed may be started again after this time. */
const WINDOW_MS = 600_000;

export interface Swept {
  domains: number;
  servers: number;
  resumed: number;
  /**
   * Items that failed. The next sweep tries them again in a minute. A server that cannot be asked
   * about its command blocks nothing forever, because its task has a timeout.
   */
  failed: number;
}

/**
 * @throws AggregateError with the unexpected errors, after every item was tried
 * @throws SealpostError Throttled if AWS was too busy for every item: such a sweep counts for the
 *   alarm of a silent sweep
 */
export async function sweep(ports: SweepPorts): Promise<Swept> {
  const now = ports.clock.now();
  const found = await ports.store.due({ now, limit: SEEN });
  const of = (kind: Due['kind']) => found.filter(item => item.kind === kind);
  const due = [
    ...riskiestFirst(of('domain'), { now, most: DOMAINS }),
    ...of('server').slice(0, SERVERS),
    ...of('delivery').slice(0, SERVERS),
  ];
  const swept: Swept = { domains: 0, servers: 0, resumed: 0, failed: 0 };
  const errors: unknown[] = [];
  let attended = 0;
  let busy: unknown;
  const each = async (kind: Due['kind'], attend: (name: string, dueAt: number) => Promise<void>) => {
    const items = due.filter(item => item.kind === kind).values();
    const lane = async () => {
      for (const item of items) {
        if (ports.clock.now() - now > PATIENCE_MS) return;
        try {
          await attend(item.name, item.dueAt);
          attended++;
        } catch (error) {
          swept.failed++;
          if (isSealpostError(error, 'Throttled')) busy = error;
          if (!passesByItself(error)) errors.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  };
  const attendDomain = async (name: string, dueAt: number) => {
    await reEvaluate(name, ports, `due-${digest(`${name} ${dueAt} ${Math.floor(now / WINDOW_MS)}`)}`);
    swept.domains++;
  };
  const attendServer = async (name: string) => {
    swept.servers += (await wakeServers([name], ports)).length;
  };
  const attendDelivery = async (hash: string) => {
    if (await resumeCommand(hash, ports)) swept.resumed++;
  };
  // All kinds are attended to in parallel, so that many of one kind do not delay another.
  await Promise.all([each('domain', attendDomain), each('server', attendServer), each('delivery', attendDelivery)]);
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${due.length} that were due failed: ${String(errors[0])}`);
  if (attended === 0 && busy !== undefined) throw busy;
  return swept;
}

/**
 * Resumes a delivery whose command has ended. SSM's events are best effort, so a command may end
 * without an event. A token whose delivery is over is deleted.
 */
async function resumeCommand(hash: string, ports: SweepPorts): Promise<boolean> {
  const waiting = await ports.store.token(hash);
  const server = waiting && (await ports.store.readServer(waiting.server));
  if (server?.delivery?.hash !== hash) {
    await ports.store.forgetToken(hash);
    return false;
  }
  const { commandId } = server.delivery;
  if (commandId === undefined || !isAwake(server, ports.clock.now())) return false;
  return resume({ hash, commandId, node: server.node }, ports);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}

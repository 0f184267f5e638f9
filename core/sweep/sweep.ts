/** The sweep: one index finds everything whose time has come. Events save time; this is the guarantee. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { reEvaluate } from '../work/re-evaluate.ts';
import { riskiestFirst } from './risk.ts';
import { isSealpostError } from '../errors.ts';
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

/** Domains handed out in one minute: 1.44 million a day (docs/decisions/0027). */
const DOMAINS = 1_000;
/** Servers handed out in one minute. */
const SERVERS = 500;
/** Of each kind so many are under way at once: at 30 ms a call 130 domains and 65 servers a second, which is within StartExecution's 800 and 150 a second of the smaller regions. */
const LANES = 4;
/** Of the minute that the function has; who is not reached by then is due all the same in the next one. */
const PATIENCE_MS = 45_000;
/** Of so many that are due the riskiest are chosen. */
const SEEN = 4_000;
/** A look that came to nothing may be repeated after this. */
const WINDOW_MS = 600_000;

export interface Swept {
  domains: number;
  servers: number;
  resumed: number;
  /** Of a server that cannot be asked about its command, or of AWS that was busy: it is asked again in a minute, and a task has an end of its own. */
  failed: number;
}

/** @throws AggregateError after everything was tried, with what nobody foresaw */
export async function sweep(ports: SweepPorts): Promise<Swept> {
  const now = ports.clock.now();
  const found = await ports.store.due({ now, limit: SEEN });
  const of = (kind: Due['kind']) => found.filter(item => item.kind === kind);
  const due = [...riskiestFirst(of('domain'), { now, most: DOMAINS }), ...of('server').slice(0, SERVERS)];
  const swept: Swept = { domains: 0, servers: 0, resumed: 0, failed: 0 };
  const errors: unknown[] = [];
  const each = async (kind: 'domain' | 'server', attend: (name: string, dueAt: number) => Promise<void>) => {
    const items = due.filter(item => item.kind === kind).values();
    const lane = async () => {
      for (const item of items) {
        if (ports.clock.now() - now > PATIENCE_MS) return;
        try {
          await attend(item.name, item.dueAt);
        } catch (error) {
          swept.failed++;
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
    if (await resumeCommand(name, ports)) swept.resumed++;
    swept.servers += (await wakeServers([name], ports)).length;
  };
  // Side by side: many of one kind never keep the other waiting.
  await Promise.all([each('domain', attendDomain), each('server', attendServer)]);
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} of ${due.length} that were due failed: ${String(errors[0])}`);
  return swept;
}

function passesByItself(error: unknown): boolean {
  return isSealpostError(error, 'ServerUnreachable') || isSealpostError(error, 'Throttled');
}

/** SSM's events are best effort: a command that has ended without one is found here. */
async function resumeCommand(name: string, ports: SweepPorts): Promise<boolean> {
  const server = await ports.store.readServer(name);
  if (!server?.delivery?.commandId || !isAwake(server, ports.clock.now())) return false;
  return resume(server.delivery.hash, server.delivery.commandId, server.node, ports);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}

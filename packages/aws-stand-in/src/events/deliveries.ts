/**
 * The deliveries of EventBridge. A row stays until its target, or the dead letter queue, has
 * accepted the event.
 */
import { LATE_MS } from '../faults/chances.ts';
import type { Caller, Cloud, DrawnFault } from '../service/service.ts';
import type { ServiceEvent } from './event.ts';
import { invokeTarget, nextAttempt, sendDeadLetter, type Target } from './targets.ts';

/**
 * The number of parallel calls. The rest of a storm waits in its rows, so that it does not start a
 * storm of processes.
 */
const maxUnderWay = 10;

interface Delivery {
  id: number;
  rule: string;
  target: string;
  input: string;
  event: string;
  putAt: number;
  attempts: number;
}

export interface EventDeliveries {
  add(ruleArn: string, target: Target, input: string, event: ServiceEvent): void;
  run(): void;
  start(): void;
  stop(): Promise<void>;
}

export function eventDeliveries(cloud: Cloud): EventDeliveries {
  cloud.database.exec(`CREATE TABLE IF NOT EXISTS events_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, target TEXT NOT NULL, input TEXT NOT NULL,
    event TEXT NOT NULL, putAt INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, nextAt INTEGER NOT NULL)`);
  const insert = cloud.database.prepare(
    'INSERT INTO events_deliveries (rule, target, input, event, putAt, nextAt) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const select = cloud.database.prepare('SELECT * FROM events_deliveries WHERE nextAt <= ? ORDER BY id LIMIT ?');
  const earliest = cloud.database.prepare('SELECT min(nextAt) AS at FROM events_deliveries WHERE nextAt > ?');
  const postpone = cloud.database.prepare('UPDATE events_deliveries SET attempts = ?, nextAt = ? WHERE id = ?');
  const remove = cloud.database.prepare('DELETE FROM events_deliveries WHERE id = ?');
  const underWay = new Map<number, Promise<void>>();
  let running = false;
  let timer: NodeJS.Timeout | undefined;

  function run(): void {
    if (!running) return;
    // Both questions use one moment: a delivery that falls due between two moments would be in
    // neither answer.
    const now = cloud.now();
    const due = select.all(now, maxUnderWay + underWay.size) as unknown as Delivery[];
    for (const delivery of due) {
      if (underWay.size >= maxUnderWay) break;
      if (underWay.has(delivery.id)) continue;
      // Not in this turn of the event loop: a target may itself put an event before it first waits,
      // and would not find this delivery under way.
      const delivering = Promise.resolve().then(() => deliver(delivery));
      underWay.set(
        delivery.id,
        delivering.finally(() => {
          underWay.delete(delivery.id);
          run();
        }),
      );
    }
    clearTimeout(timer);
    const { at } = earliest.get(now) as { at: number | null };
    if (at !== null) timer = setTimeout(run, Math.max(1, at - now));
  }

  async function deliver(delivery: Delivery): Promise<void> {
    const target = JSON.parse(delivery.target) as Omit<Target, 'input'>;
    const attempts = delivery.attempts + 1;
    try {
      await invokeTarget(cloud, caller(target, delivery.rule), target.arn, delivery.input);
      remove.run(delivery.id);
    } catch (error) {
      const next = nextAttempt(error, { attempts, ageMs: cloud.now() - delivery.putAt, policy: target.retryPolicy });
      if ('delayMs' in next) postpone.run(attempts, cloud.now() + next.delayMs, delivery.id);
      else await bury(delivery, target, error, attempts, next.exhausted);
    }
  }

  async function bury(
    delivery: Delivery,
    target: Omit<Target, 'input'>,
    error: unknown,
    attempts: number,
    exhausted?: string,
  ): Promise<void> {
    const lost = `events: EVENT LOST: ${delivery.rule} could not deliver to ${target.arn}: ${String(error)}: ${delivery.event}`;
    if (target.deadLetterQueueArn === undefined) cloud.log(lost);
    else
      await sendDeadLetter(cloud, self(delivery.rule), {
        queueArn: target.deadLetterQueueArn,
        body: delivery.event,
        targetArn: target.arn,
        ruleArn: delivery.rule,
        error,
        attempts,
        exhausted,
      }).catch(failure => cloud.log(`${lost} (nor to its dead letter queue: ${String(failure)})`));
    remove.run(delivery.id);
  }

  /**
   * A state machine is started under the target's role. Every other target allows the call by its
   * own resource policy.
   */
  function caller(target: Omit<Target, 'input'>, ruleArn: string): Caller {
    return target.roleArn === undefined
      ? self(ruleArn)
      : cloud.iam.assume(target.roleArn, { service: 'events.amazonaws.com', session: `events-${target.id}` });
  }
  const self = (ruleArn: string): Caller =>
    ({ ...cloud.iam.service('events.amazonaws.com'), sourceArn: ruleArn }) as Caller;

  return {
    add(ruleArn, target, input, event) {
      const now = cloud.now();
      const insertAt = (at: number) =>
        insert.run(ruleArn, JSON.stringify(target), input, JSON.stringify(event), now, at);
      const happens = (fault: DrawnFault) => cloud.faults.happens(fault, `${ruleArn} ${target.arn}`);
      if (event.source.startsWith('aws.') && happens('serviceEventNever')) return;
      insertAt(happens('eventLate') ? now + LATE_MS : now);
      if (happens('eventTwice')) insertAt(now + LATE_MS);
    },
    run,
    start() {
      running = true;
      run();
    },
    async stop() {
      running = false;
      clearTimeout(timer);
      await Promise.allSettled(underWay.values());
    },
  };
}

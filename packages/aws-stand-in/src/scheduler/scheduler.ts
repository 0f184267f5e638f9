/**
 * EventBridge Scheduler: `rate(…)` schedules that invoke a Lambda function under the schedule's
 * role.
 */
import { randomUUID } from 'node:crypto';
import type * as model from '@aws-sdk/client-scheduler';
import { arn } from '../service/service.ts';
import type { Caller, Cloud, Resource, ResourceRequest, Service } from '../service/service.ts';
import { checkTarget, invokeTarget, nextAttempt, sendDeadLetter } from '../events/targets.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';

const minutesOf: Record<string, number> = { minute: 1, minutes: 1, hour: 60, hours: 60, day: 1_440, days: 1_440 };

/**
 * The interval, in milliseconds, at which due schedules are found. AWS guarantees the minute, not
 * the second.
 */
const lookEveryMs = 1_000;
/**
 * The distance between the first times of schedules that are made together. On AWS too, one
 * schedule may find in its minute what another has started.
 */
const apartMs = 40_000;

interface Schedule {
  Name: string;
  Arn: string;
  State: 'ENABLED' | 'DISABLED';
  ScheduleExpression: string;
  periodMs: number;
  Target: model.Target;
}

export function scheduler(cloud: Cloud): Service {
  cloud.database.exec('CREATE TABLE IF NOT EXISTS scheduler_schedules (arn TEXT PRIMARY KEY, dueAt INTEGER NOT NULL)');
  const remember = cloud.database.prepare(
    'INSERT INTO scheduler_schedules (arn, dueAt) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const dueAt = cloud.database.prepare('SELECT dueAt FROM scheduler_schedules WHERE arn = ?');
  const setDue = cloud.database.prepare('UPDATE scheduler_schedules SET dueAt = ? WHERE arn = ?');
  const schedules = new Map<string, Schedule>();
  const underWay = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    for (const schedule of schedules.values()) {
      const due = (dueAt.get(schedule.Arn) as { dueAt: number }).dueAt;
      if (schedule.State === 'DISABLED' || due > cloud.now() || underWay.has(schedule.Arn)) continue;
      underWay.set(
        schedule.Arn,
        invoke(schedule, due).finally(() => underWay.delete(schedule.Arn)),
      );
    }
  }

  /**
   * The next time is written after the invocation. If the process is killed in between, the
   * schedule invokes once more, as AWS may.
   */
  async function invoke(schedule: Schedule, due: number): Promise<void> {
    const target = schedule.Target;
    const input = target.Input ?? scheduledEvent(schedule, due);
    for (let attempts = 1; ; attempts++) {
      try {
        await invokeTarget(cloud, assume(schedule), target.Arn!, input);
        break;
      } catch (error) {
        const next = nextAttempt(error, { attempts, ageMs: cloud.now() - due, policy: target.RetryPolicy });
        if (!('delayMs' in next)) {
          await bury(schedule, input, error, attempts, next.exhausted);
          break;
        }
        await new Promise(resolve => setTimeout(resolve, next.delayMs));
      }
    }
    const missed = Math.max(0, Math.floor((cloud.now() - due) / schedule.periodMs));
    setDue.run(due + (missed + 1) * schedule.periodMs, schedule.Arn);
  }

  function assume({ Name, Target }: Schedule): Caller {
    return cloud.iam.assume(Target.RoleArn!, { service: 'scheduler.amazonaws.com', session: `scheduler-${Name}` });
  }

  async function bury(
    schedule: Schedule,
    body: string,
    error: unknown,
    attempts: number,
    exhausted?: string,
  ): Promise<void> {
    const { Arn, DeadLetterConfig } = schedule.Target;
    const lost = `scheduler: INVOCATION LOST: ${schedule.Name} could not invoke ${Arn}: ${String(error)}`;
    if (DeadLetterConfig?.Arn === undefined) return cloud.log(lost);
    try {
      const letter = {
        queueArn: DeadLetterConfig.Arn,
        body,
        targetArn: Arn!,
        ruleArn: schedule.Arn,
        error,
        attempts,
        exhausted,
      };
      await sendDeadLetter(cloud, assume(schedule), letter);
    } catch (failure) {
      cloud.log(`${lost} (nor to its dead letter queue: ${String(failure)})`);
    }
  }

  /** The event that AWS sends if the target has no `Input`. */
  function scheduledEvent(schedule: Schedule, due: number): string {
    return JSON.stringify({
      version: '0',
      id: randomUUID(),
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: cloud.account,
      time: new Date(due).toISOString().replace(/\.\d+Z$/, 'Z'),
      region: cloud.region,
      resources: [schedule.Arn],
      detail: '{}',
    });
  }

  function makeSchedule({ properties, logicalId, stackName }: ResourceRequest): Resource {
    refuseOthers('AWS::Scheduler::Schedule', properties, [
      'Name',
      'Description',
      'State',
      'ScheduleExpression',
      'ScheduleExpressionTimezone',
      'FlexibleTimeWindow',
      'Target',
    ]);
    refuseOthers('a schedule target', properties.Target, [
      'Arn',
      'RoleArn',
      'Input',
      'RetryPolicy',
      'DeadLetterConfig',
    ]);
    if (properties.FlexibleTimeWindow.Mode !== 'OFF') refuse('a flexible time window');
    if (/<aws\.scheduler\./.test(properties.Target.Input ?? '')) refuse('a context attribute in Input');
    checkTarget(properties.Target.Arn, ['lambda']);
    const Name = properties.Name ?? `${stackName}-${logicalId}`;
    const schedule: Schedule = {
      Name,
      Arn: arn(cloud, 'scheduler', `schedule/default/${Name}`),
      State: properties.State ?? 'ENABLED',
      ScheduleExpression: properties.ScheduleExpression,
      periodMs: ratePeriodMs(properties.ScheduleExpression),
      Target: properties.Target,
    };
    remember.run(schedule.Arn, cloud.now() + schedules.size * apartMs);
    schedules.set(Name, schedule);
    return { ref: Name, attributes: { Arn: schedule.Arn } };
  }

  return {
    name: 'scheduler',
    model: {},
    client: '',
    operations: {},
    resources: { 'AWS::Scheduler::Schedule': makeSchedule },
    start() {
      timer = setInterval(look, lookEveryMs);
      look();
    },
    async stop() {
      clearInterval(timer);
      await Promise.allSettled(underWay.values());
    },
  };
}

/** @throws AwsError NotImplemented for `cron(…)` and `at(…)` */
function ratePeriodMs(expression: string): number {
  const [, value, unit] = /^rate\((\d+) (\w+)\)$/.exec(expression) ?? [];
  const minutes = minutesOf[unit ?? ''];
  if (minutes === undefined || Number(value) < 1) refuse(`the schedule ${expression}`);
  return Number(value) * minutes * 60_000;
}

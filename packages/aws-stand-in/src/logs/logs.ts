/** CloudWatch Logs: groups with the output of functions, for people to read. */
import * as model from '@aws-sdk/client-cloudwatch-logs';
import type { FilterLogEventsRequest, DescribeLogGroupsRequest } from '@aws-sdk/client-cloudwatch-logs';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { AwsError, arn } from '../service/service.ts';
import type { Call, Caller, Cloud, Service } from '../service/service.ts';
import { physicalName } from '../template/template.ts';

export interface LogLine {
  /** Milliseconds since the epoch. */
  timestamp: number;
  message: string;
}

export interface LogsService extends Service {
  /**
   * True if `caller` may write to this group. On AWS, a function without the right runs and its
   * lines are lost.
   */
  mayWrite(caller: Caller, group: string): boolean;
  write(group: string, stream: string, lines: LogLine[]): void;
}

const DAY = 86_400_000;

const FILTER_MEMBERS = [
  ...[
    'logGroupName',
    'logGroupIdentifier',
    'logStreamNames',
    'logStreamNamePrefix',
    'startTime',
    'endTime',
    'filterPattern',
  ],
  // The only order here is the one that AWS calls interleaved. Nothing is ever masked.
  ...['nextToken', 'limit', 'interleaved', 'unmask'],
];

export const logs = (cloud: Cloud): LogsService => {
  const { database } = cloud;
  database.exec(`
    CREATE TABLE IF NOT EXISTS logs_groups (name TEXT PRIMARY KEY, created INTEGER NOT NULL, retention_days INTEGER);
    CREATE TABLE IF NOT EXISTS logs_events (id INTEGER PRIMARY KEY, log_group TEXT NOT NULL, stream TEXT NOT NULL, timestamp INTEGER NOT NULL, message TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS logs_events_by_time ON logs_events (log_group, timestamp)`);
  const insert = database.prepare(`INSERT INTO logs_events (log_group, stream, timestamp, message)
    SELECT ?, ?, value ->> 'timestamp', value ->> 'message' FROM json_each(?)`);
  const groupArn = (name: string) => arn(cloud, 'logs', `log-group:${name}`);
  const exists = (name: string) => database.prepare('SELECT 1 FROM logs_groups WHERE name = ?').get(name) !== undefined;
  const create = database.prepare(
    'INSERT INTO logs_groups VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET retention_days = excluded.retention_days',
  );

  const allowed = (caller: Caller, action: string, resource: string) => {
    try {
      cloud.iam.authorize(caller, action, resource);
      return true;
    } catch {
      return false;
    }
  };

  return {
    name: 'logs',
    model,
    client: 'CloudWatchLogsClient',

    mayWrite(caller, group) {
      const streams = `${groupArn(group)}:log-stream:*`;
      if (!allowed(caller, 'logs:CreateLogStream', `${groupArn(group)}:*`)) return false;
      if (!allowed(caller, 'logs:PutLogEvents', streams)) return false;
      if (exists(group)) return true;
      if (!allowed(caller, 'logs:CreateLogGroup', groupArn(group))) return false;
      create.run(group, cloud.now(), null);
      return true;
    },

    write(group, stream, lines) {
      if (lines.length) insert.run(group, stream, JSON.stringify(lines));
    },

    operations: {
      FilterLogEvents(input: FilterLogEventsRequest, call: Call) {
        const group = input.logGroupName ?? input.logGroupIdentifier?.split(':log-group:').at(-1) ?? '';
        call.authorize('logs:FilterLogEvents', `${groupArn(group)}:*`);
        refuseOthers(
          'logs:FilterLogEvents',
          { ...input, startFromHead: input.startFromHead === false || undefined },
          FILTER_MEMBERS,
        );
        if (!exists(group))
          throw new AwsError('ResourceNotFoundException', `The specified log group does not exist: ${group}`);
        const limit = input.limit ?? 10_000;
        const rows = database
          .prepare(
            `SELECT id, stream, timestamp, message FROM logs_events
             WHERE log_group = :group AND timestamp >= :from AND timestamp <= :to AND id > :after
               AND (:streams IS NULL OR stream IN (SELECT value FROM json_each(:streams)))
               AND (:prefix IS NULL OR substr(stream, 1, length(:prefix)) = :prefix)
               AND NOT EXISTS (SELECT 1 FROM json_each(:terms) WHERE instr(message, value) = 0)
             ORDER BY id LIMIT :limit`,
          )
          .all({
            group,
            from: input.startTime ?? 0,
            to: input.endTime ?? Number.MAX_SAFE_INTEGER,
            after: Number(input.nextToken ?? 0),
            streams: input.logStreamNames ? JSON.stringify(input.logStreamNames) : null,
            prefix: input.logStreamNamePrefix ?? null,
            terms: JSON.stringify(terms(input.filterPattern ?? '')),
            limit,
          });
        return {
          events: rows.map(({ id, stream, timestamp, message }) => ({
            eventId: String(id),
            logStreamName: stream,
            timestamp,
            ingestionTime: timestamp,
            message,
          })),
          nextToken: rows.length === limit ? String(rows.at(-1)!.id) : undefined,
        };
      },

      DescribeLogGroups(input: DescribeLogGroupsRequest, call: Call) {
        call.authorize('logs:DescribeLogGroups', '*');
        const { logGroupNamePrefix = '', limit = 50, nextToken = '' } = input;
        refuseOthers('logs:DescribeLogGroups', input, ['logGroupNamePrefix', 'limit', 'nextToken']);
        const rows = database
          .prepare(
            `SELECT name, created, retention_days AS retention,
               (SELECT coalesce(sum(length(message)), 0) FROM logs_events WHERE log_group = name) AS bytes
             FROM logs_groups WHERE substr(name, 1, length(:prefix)) = :prefix AND name > :after ORDER BY name LIMIT :limit`,
          )
          .all({ prefix: logGroupNamePrefix, after: nextToken, limit });
        return {
          logGroups: rows.map(({ name, created, retention, bytes }) => ({
            logGroupName: name,
            creationTime: created,
            retentionInDays: retention ?? undefined,
            arn: `${groupArn(String(name))}:*`,
            logGroupArn: groupArn(String(name)),
            storedBytes: bytes,
          })),
          nextToken: rows.length === limit ? rows.at(-1)!.name : undefined,
        };
      },
    },

    resources: {
      'AWS::Logs::LogGroup'(request) {
        const { RetentionInDays, LogGroupClass = 'STANDARD' } = request.properties;
        refuseOthers('AWS::Logs::LogGroup', request.properties, [
          'LogGroupName',
          'RetentionInDays',
          'Tags',
          'LogGroupClass',
        ]);
        if (LogGroupClass !== 'STANDARD') refuse(`log group class ${LogGroupClass}`);
        const name = physicalName(request, 'LogGroupName');
        create.run(name, cloud.now(), RetentionInDays === undefined ? null : Number(RetentionInDays));
        return { ref: name, attributes: { Arn: `${groupArn(name)}:*` } };
      },
    },

    /**
     * Retention is applied at each start, because the stand-in rarely runs for longer than a day.
     */
    start() {
      database
        .prepare(
          `DELETE FROM logs_events WHERE timestamp <
             (SELECT ? - retention_days * ${DAY} FROM logs_groups WHERE name = log_group AND retention_days IS NOT NULL)`,
        )
        .run(cloud.now());
    },
  };
};

/**
 * A filter pattern of plain or quoted words, all of which must be in the line. Other patterns are
 * refused.
 */
function terms(pattern: string): string[] {
  const found = pattern.match(/"[^"]*"|\S+/g) ?? [];
  return found.map(term => {
    if (/^".*"$/.test(term)) return term.slice(1, -1);
    if (/^[\w.:/@-]+$/.test(term) && !term.startsWith('-')) return term;
    return refuse(`logs:FilterLogEvents: filter pattern ${term}`);
  });
}

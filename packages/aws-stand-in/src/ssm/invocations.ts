/**
 * Commands and their invocations, stored at every step, and the queue of each node. After a
 * restart, a command continues at its first unfinished step once its node is attached again, as
 * after a restart of the agent.
 */
import type { Cloud } from '../service/service.ts';
import type { EventsService } from '../events/events.ts';
import { documentStatus, runStep } from './agent.ts';
import type { StepResult } from './agent.ts';
import type { CommandDocument } from './document.ts';
import type { NodeDirectory } from './nodes.ts';

/** The agent's `CommandWorkersLimit`. */
const commandsAtOnce = 5;
const lookEveryMs = 1_000;

export interface Command {
  id: string;
  documentName: string;
  documentVersion: string;
  document: CommandDocument;
  given: Record<string, string[]>;
  /** The parameters with the document's defaults. */
  parameters: Record<string, string | string[]>;
  comment: string;
  nodeIds: string[];
  timeoutSeconds: number;
  /** Milliseconds since the epoch. */
  requestedAt: number;
  expiresAt: number;
}

export type Status = 'Pending' | 'InProgress' | 'Success' | 'Failed' | 'TimedOut';

export interface Invocation {
  commandId: string;
  nodeId: string;
  status: Status;
  statusDetails: string;
  steps: StepResult[];
  startedAt?: number;
  endedAt?: number;
}

export interface Invocations {
  add(command: Command): void;
  command(id: string): Command | undefined;
  commands(): Command[];
  ofCommand(id: string): Invocation[];
  find(commandId: string, nodeId: string): Invocation | undefined;
  end(invocation: Invocation, status: Status, statusDetails: string): void;
  /** Starts the commands that wait for a node, and returns at once. */
  work(nodeId: string): void;
  /** Ends the invocations that have not begun on a node that is gone. */
  giveUp(nodeId: string): void;
  start(): void;
  stop(): void;
}

export function isOver(status: Status): boolean {
  return status !== 'Pending' && status !== 'InProgress';
}

/**
 * The status of a command from the statuses of its invocations. If several differ, the details say
 * more than the status.
 */
export function commandStatus(invocations: readonly Invocation[]): { status: Status; details: string } {
  if (invocations.every(each => each.status === 'Pending')) return { status: 'Pending', details: 'Pending' };
  if (!invocations.every(each => isOver(each.status))) return { status: 'InProgress', details: 'InProgress' };
  for (const status of ['Failed', 'TimedOut'] as const) {
    const worst = invocations.find(each => each.status === status);
    if (worst !== undefined) return { status, details: worst.statusDetails };
  }
  return { status: 'Success', details: 'Success' };
}

export function invocations(cloud: Cloud, nodes: NodeDirectory): Invocations {
  cloud.database.exec(`
    CREATE TABLE IF NOT EXISTS ssm_commands (id TEXT PRIMARY KEY, requestedAt INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS ssm_invocations (commandId TEXT, nodeId TEXT, isOver INTEGER NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (commandId, nodeId));
    CREATE INDEX IF NOT EXISTS ssm_invocations_open ON ssm_invocations (isOver, nodeId)`);
  const insertCommand = cloud.database.prepare('INSERT INTO ssm_commands VALUES (?, ?, ?)');
  const selectCommand = cloud.database.prepare('SELECT body FROM ssm_commands WHERE id = ?');
  const selectCommands = cloud.database.prepare('SELECT body FROM ssm_commands ORDER BY requestedAt DESC, rowid DESC');
  const upsert = cloud.database.prepare(
    `INSERT INTO ssm_invocations VALUES (:commandId, :nodeId, :isOver, :body)
     ON CONFLICT DO UPDATE SET isOver = :isOver, body = :body`,
  );
  const selectOne = cloud.database.prepare('SELECT body FROM ssm_invocations WHERE commandId = ? AND nodeId = ?');
  const selectOf = cloud.database.prepare('SELECT body FROM ssm_invocations WHERE commandId = ? ORDER BY rowid');
  const selectOpen = cloud.database.prepare('SELECT body FROM ssm_invocations WHERE isOver = 0 ORDER BY rowid');
  const underWay = new Map<string, string>();
  let running = false;
  let timer: NodeJS.Timeout | undefined;

  const parse = <T>(rows: unknown[]): T[] => rows.map(row => JSON.parse((row as { body: string }).body) as T);
  const command = (id: string): Command | undefined => parse<Command>([selectCommand.get(id)].filter(Boolean))[0];
  const ofCommand = (id: string): Invocation[] => parse<Invocation>(selectOf.all(id));
  const keyOf = (invocation: Invocation) => `${invocation.commandId} ${invocation.nodeId}`;

  function save(invocation: Invocation): void {
    const { commandId, nodeId, status } = invocation;
    upsert.run({ commandId, nodeId, isOver: Number(isOver(status)), body: JSON.stringify(invocation) });
  }

  /**
   * Stores a new status and publishes AWS's two events: the invocation's, and the command's if its
   * status changed.
   */
  function become(invocation: Invocation, status: Status, statusDetails: string): void {
    const before = commandStatus(ofCommand(invocation.commandId)).status;
    Object.assign(invocation, { status, statusDetails });
    save(invocation);
    const of = command(invocation.commandId)!;
    const facts = { 'command-id': of.id, 'document-name': of.documentName, 'requested-date-time': iso(of.requestedAt) };
    const publish = cloud.service<EventsService>('events').publishServiceEvent;
    publish({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      resources: [nodes.arnOf(invocation.nodeId)],
      detail: { ...facts, 'instance-id': invocation.nodeId, status },
    });
    const after = commandStatus(ofCommand(invocation.commandId)).status;
    if (after !== before)
      publish({
        source: 'aws.ssm',
        'detail-type': 'EC2 Command Status-change Notification',
        resources: of.nodeIds.map(nodes.arnOf),
        detail: { ...facts, 'expire-after': iso(of.expiresAt), parameters: of.given, status: after },
      });
  }
  const iso = (ms: number) => new Date(ms).toISOString();

  function end(invocation: Invocation, status: Status, statusDetails: string): void {
    invocation.endedAt = cloud.now();
    become(invocation, status, statusDetails);
  }

  function work(nodeId: string): void {
    if (!running || nodes.find(nodeId)?.node === undefined) return;
    for (const invocation of parse<Invocation>(selectOpen.all())) {
      if ([...underWay.values()].filter(id => id === nodeId).length >= commandsAtOnce) return;
      if (invocation.nodeId !== nodeId || underWay.has(keyOf(invocation))) continue;
      underWay.set(keyOf(invocation), nodeId);
      void run(invocation).finally(() => {
        underWay.delete(keyOf(invocation));
        work(nodeId);
      });
    }
  }

  async function run(invocation: Invocation): Promise<void> {
    const of = command(invocation.commandId)!;
    if (invocation.status === 'Pending') {
      invocation.startedAt = cloud.now();
      become(invocation, 'InProgress', 'InProgress');
    }
    while (invocation.steps.length < of.document.mainSteps.length) {
      const result = await step(of, invocation);
      // A stopped process does not record the end of this step. The step runs again, as after a
      // killed agent.
      if (!running) return;
      invocation.steps.push(result);
      save(invocation);
    }
    const status = documentStatus(invocation.steps);
    end(invocation, status, status === 'TimedOut' ? 'ExecutionTimedOut' : status);
  }

  async function step(of: Command, invocation: Invocation): Promise<StepResult> {
    const { mainSteps } = of.document;
    const next = mainSteps[invocation.steps.length]!;
    const startedAt = cloud.now();
    try {
      const { id, roleArn, node } = nodes.find(invocation.nodeId) ?? {};
      if (node === undefined) throw new Error(`the node ${invocation.nodeId} is gone`);
      const before = invocation.steps.map((result, index) => ({ step: mainSteps[index]!, result }));
      return await runStep(cloud, { id: id!, roleArn: roleArn!, node }, of, next, before);
    } catch (error) {
      const stderr = `the stand-in could not run this step: ${String(error)}`;
      if (running) cloud.log(`ssm: ${of.id} on ${invocation.nodeId}: ${stderr}`);
      const { name, action } = next;
      return { name, action, status: 'Failed', exitCode: 1, stdout: '', stderr, startedAt, endedAt: cloud.now() };
    }
  }

  /**
   * A command that did not start in time never starts. A command whose node went silent ends when
   * all its time is over.
   */
  function expire(): void {
    for (const invocation of parse<Invocation>(selectOpen.all())) {
      if (underWay.has(keyOf(invocation))) continue;
      const of = command(invocation.commandId)!;
      const until = invocation.status === 'Pending' ? of.requestedAt + of.timeoutSeconds * 1_000 : of.expiresAt;
      if (cloud.now() >= until) end(invocation, 'TimedOut', 'DeliveryTimedOut');
    }
  }

  return {
    add(added) {
      insertCommand.run(added.id, added.requestedAt, JSON.stringify(added));
      for (const nodeId of added.nodeIds)
        save({ commandId: added.id, nodeId, status: 'Pending', statusDetails: 'Pending', steps: [] });
      for (const nodeId of added.nodeIds) work(nodeId);
    },
    command,
    commands: () => parse<Command>(selectCommands.all()),
    ofCommand,
    find: (commandId, nodeId) => parse<Invocation>([selectOne.get(commandId, nodeId)].filter(Boolean))[0],
    end,
    work,
    giveUp(nodeId) {
      for (const invocation of parse<Invocation>(selectOpen.all()))
        if (invocation.nodeId === nodeId && !underWay.has(keyOf(invocation)))
          end(invocation, 'Failed', 'Undeliverable');
    },
    start() {
      running = true;
      timer = setInterval(expire, lookEveryMs);
      for (const nodeId of new Set(parse<Invocation>(selectOpen.all()).map(each => each.nodeId))) work(nodeId);
    },
    stop() {
      running = false;
      clearInterval(timer);
    },
  };
}

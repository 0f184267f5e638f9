/** The product in one process: its steps, its schedules, two CAs, mail servers, and a clock. */
import { commandEnded } from '../../core/deliver-to-server/command-ended.ts';
import { renew } from '../../core/renewal/renew.ts';
import { walkRenewalInfo, type Ca } from '../../core/renewal/walk.ts';
import { sweep } from '../../core/sweep/sweep.ts';
import { anIssuer, newWorld, type World } from '../core/world.ts';
import { memoryCommands } from '../twins/commands.ts';
import { ModelCa } from './ca.ts';
import { Clockwork, Killed, type Process } from './clockwork.ts';
import { newNode, runDelivery, type Node } from './host.ts';
import { Names } from './names.ts';
import { portsFor, roles, twinAccounts, type Accounts, type Cloud } from './ports.ts';
import { handlerOf } from './steps.ts';
import { rootPem } from './x509.ts';
import { StepFunctions, type MachineName } from './functions.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const START = Date.UTC(2027, 0, 15, 8);
const WALK_EVERY_MS = 12 * HOUR;
/** A command runs for some seconds; a node that is off is given up after ten minutes. */
const COMMAND_MS = 5_000;
const UNREACHED_MS = 10 * MINUTE;
/** A command may run for so long. */
const KILLED_MS = 30 * MINUTE;
/** docs/protocol.md, "Times that agree". */
const DELIVERY_LIVES_MS = 2 * DAY;

export const limits = {
  account: { count: 6, windowMs: 3 * HOUR },
  registeredDomain: { count: 20, windowMs: 7 * DAY },
  exactSet: { count: 5, windowMs: 7 * DAY },
};

/** Settings of one run. */
export interface Setting {
  /** Days that a certificate lives. */
  lifeDays: number;
  /** The clocks of processes are off by so many milliseconds, one after the other. */
  skews: number[];
  /** How long a command runs, in milliseconds; some seconds by default. */
  commandMs?: number;
  /** Milliseconds since the epoch, and roots, where a real CA takes part. */
  start?: number;
  roots?: string;
}

export class Universe implements Cloud {
  readonly clockwork: Clockwork;
  readonly world: World;
  readonly names: Names;
  readonly cas: ModelCa[];
  readonly nodes = new Map<string, Node>();
  readonly steps: StepFunctions;
  readonly roles = roles;
  readonly roots: string;
  readonly trace: string[] = [];
  /** The next events of SSM about ended commands are lost. */
  lostEvents = 0;
  /** The next commands are lost on their way to the node. */
  lostCommands = 0;
  readonly setting: Setting;
  #processes = 0;
  #lastSweep: number;
  #lastWalk: number;
  #events = 0;

  constructor(setting: Setting, nodes: Pick<Node, 'id' | 'server' | 'isSeen'>[]) {
    const { start = START, roots = rootPem } = setting;
    this.setting = setting;
    this.clockwork = new Clockwork(start);
    [this.#lastSweep, this.#lastWalk, this.roots] = [start, start, roots];
    for (const { id, ...node } of nodes) this.nodes.set(id, newNode(id, node));
    const known = Object.fromEntries(nodes.map(({ id }) => [id, { roleName: 'mail' }]));
    const commands = memoryCommands(known);
    const world = newWorld(start);
    this.steps = new StepFunctions(this.clockwork, { invoke: (name, input) => this.invoke(name, input) });
    const executions = Object.assign(this.steps, { started: [], succeeded: [] }) as unknown as World['executions'];
    const deliveries = this.#withLifecycle(world);
    this.world = { ...world, executions, deliveries, commands: this.#withNodes(commands) };
    this.names = new Names(this.world.zones);
    const seen = { now: () => this.clockwork.time, txt: (name: string) => this.names.txt(name) };
    this.cas = ['ca', 'other'].map(name => new ModelCa(anIssuer({ name, limits }), seen));
    for (const ca of this.cas) ca.lifeDays = setting.lifeDays;
  }

  rest?(ms: number): Promise<void>;

  accountsOf(process: Process): Accounts {
    return twinAccounts(process, this);
  }

  get time(): number {
    return this.clockwork.time;
  }

  tell(line: string): void {
    this.trace.push(`${new Date(this.time).toISOString().slice(0, 19)} ${line}`);
  }

  /** An event of EventBridge. One that comes again has an execution of its own. */
  send(machine: MachineName, event: object): void {
    void this.steps.start(machine, `event-${++this.#events}`, event);
  }

  async invoke(name: string, input: unknown): Promise<unknown> {
    return this.#process(name, process => handlerOf(name, issuer => portsFor(process, this, issuer))(input));
  }

  renew(domain: string): void {
    this.#wake('Renew', async process => renew({ domain }, await portsFor(process, this)));
  }

  audit(server: string): void {
    this.#wake('Audit', process => handlerOf('Audit', () => portsFor(process, this))({ server }));
  }

  sweep(): void {
    this.#lastSweep = this.time;
    this.#wake('Sweep', async process => sweep(await portsFor(process, this)));
  }

  /**
   * One turn: the next call of a port is made, or time passes to the next moment at which something
   * happens.
   * @param until time does not pass beyond this moment
   * @returns false if nothing happens before that
   */
  async turn(choice: { place: number; fate: Parameters<Clockwork['go']>[0]['fate'] }, until: number): Promise<boolean> {
    await this.clockwork.quiet();
    const { calls } = this.clockwork;
    if (calls.length > 0) {
      const { process, what } = calls[choice.place % calls.length]!;
      if (choice.fate !== 'done') this.tell(`${choice.fate}: ${process.name} at ${what}`);
      this.clockwork.go(choice);
      return true;
    }
    const sweepAt = this.#nextSweep();
    const walkAt = this.#lastWalk + WALK_EVERY_MS;
    const next = Math.min(this.clockwork.next, sweepAt, walkAt);
    if (next > until) {
      this.clockwork.passUntil(until);
      return false;
    }
    this.clockwork.passUntil(next);
    if (sweepAt <= this.time) this.sweep();
    if (walkAt <= this.time) this.#walk();
    return true;
  }

  /** A sweep that finds nothing due does nothing, so it is left out. */
  #nextSweep(): number {
    const { domains, servers, tokens } = this.world.memory;
    const due = [...domains.values(), ...servers.values(), ...tokens.values()].flatMap(({ dueAt }) => dueAt ?? []);
    return Math.ceil(Math.max(this.#lastSweep + MINUTE, Math.min(...due)) / MINUTE) * MINUTE;
  }

  #walk(): void {
    this.#lastWalk = this.time;
    this.#wake('ReadRenewalInfo', async process => {
      const ports = await portsFor(process, this);
      const cas = new Map<string, Ca>();
      for (const issuer of ports.issuers) {
        const { directory, request } = await this.accountsOf(process).open(issuer);
        cas.set(issuer.name, { directory, request, name: issuer.name });
      }
      return walkRenewalInfo({ ...ports, caOf: ({ issuer }) => cas.get(issuer) });
    });
  }

  #process<T>(name: string, body: (process: Process) => Promise<T>): Promise<T> {
    const { skews } = this.setting;
    const skew = skews.length === 0 ? 0 : skews[this.#processes % skews.length]!;
    return this.clockwork.run({ name: `${name} ${++this.#processes}`, skew }, body);
  }

  /** A function that something else than a state machine wakes: a failure is tried again later. */
  #wake(name: string, body: (process: Process) => Promise<unknown>): void {
    this.#process(name, body).catch((error: Error) => {
      const isForeseen =
        error instanceof Killed || /Throttled|AcmeUnavailable|InvalidStepInput|AggregateError/.test(error.name);
      if (!isForeseen) this.steps.unforeseen.push(`${name}: ${error.stack}`);
    });
  }

  /** The bucket's lifecycle deletes a delivery that nobody has deleted. */
  #withLifecycle({ deliveries, objects }: World): World['deliveries'] {
    const putDelivery: typeof deliveries.putDelivery = async (place, text) => {
      await deliveries.putDelivery(place, text);
      this.clockwork.at(this.time + DELIVERY_LIVES_MS, () =>
        objects.delete(`deliveries/${place.prefix}/${place.hash}`),
      );
    };
    return { ...deliveries, putDelivery };
  }

  /** Sends commands to nodes. */
  #withNodes(commands: ReturnType<typeof memoryCommands>): ReturnType<typeof memoryCommands> {
    const send: typeof commands.send = async command => {
      const id = await commands.send(command);
      const node = this.nodes.get(command.node)!;
      if (this.lostCommands > 0) {
        this.lostCommands--;
        this.clockwork.at(this.time + UNREACHED_MS, () => this.#ended(commands, { id, node, why: 'Failed' }));
      } else this.#deliver(commands, { id, node, sentAt: this.time });
      return id;
    };
    return { ...commands, send };
  }

  #deliver(commands: World['commands'], sent: { id: string; node: Node; sentAt: number }): void {
    const { id, node, sentAt } = sent;
    commands.asleep[node.isOn ? 'delete' : 'add'](node.id);
    if (node.isOn)
      this.clockwork.at(this.time + (this.setting.commandMs ?? COMMAND_MS), () => this.#run(commands, sent));
    else if (this.time >= sentAt + UNREACHED_MS) this.#ended(commands, { id, node, why: 'Delivery Timed Out' });
    else this.clockwork.at(this.time + MINUTE, () => this.#deliver(commands, sent));
  }

  /** What is not there any more, or is another node's, cannot be downloaded. */
  #run(commands: World['commands'], { id, node, sentAt }: { id: string; node: Node; sentAt: number }): void {
    if (!node.isOn) return this.#deliver(commands, { id, node, sentAt });
    const { delivery: hash, prefix } = commands.sent.find(one => one.id === id)!;
    const text = this.world.objects.get(`deliveries/${prefix}/${hash}`);
    if (text === undefined) return this.#ended(commands, { id, node, why: 'Failed' });
    const { crash } = node;
    delete node.crash;
    if (crash === 'after') runDelivery(node, { text, hash, now: this.time });
    if (crash) {
      this.clockwork.at(this.time + KILLED_MS, () => this.#ended(commands, { id, node, why: 'Execution Timed Out' }));
      return;
    }
    commands.answer(id, runDelivery(node, { text, hash, now: this.time }));
    this.#ended(commands, { id, node });
  }

  #ended(commands: World['commands'], { id, node, why }: { id: string; node: Node; why?: string }): void {
    if (why !== undefined) commands.lose(id, why);
    if (this.lostEvents > 0) {
      this.lostEvents--;
      this.tell(`the event of ${id} is lost`);
      return;
    }
    this.#wake('OnCommandStatus', async process =>
      commandEnded({ commandId: id, node: node.id }, await portsFor(process, this)),
    );
  }
}

/**
 * The whole road on which a failure is walked: the real steps and definitions over the twins, with
 * acme-client's requests to a real CA (Pebble) behind a proxy that disturbs them.
 */
import { keptAccounts, openAccount, register } from '../../core/acme/account.ts';
import { directoryOf } from '../../core/acme/directory.ts';
import type { Issuer } from '../../core/acme/issuer.ts';
import { challengeTarget } from '../../core/dns/challenge-place.ts';
import type { DomainRecord } from '../../core/record/domain.ts';
import type { TestCa } from '../core/acme/ca.ts';
import { anIssuer, challengeZone } from '../core/world.ts';
import type { Accounts } from '../model/ports.ts';
import { DAY, HOUR, MINUTE, Universe } from '../model/universe.ts';
import { memorySecrets } from '../twins/secrets.ts';
import { setTimeout as pause } from 'node:timers/promises';

const server = 'mx1.provider.example';
const node = 'mi-00000000000000000';
let serial = 0;

/** A real CA answers in some milliseconds, so that the waits of a step are cut short. */
const LONGEST_REST_MS = 100;
/** For a CA that gives no answer at all; the product waits 10 s. */
const PATIENCE_MS = 700;

export class Stage extends Universe {
  readonly domain = `f${++serial}.example`;
  readonly #accounts: Accounts;

  constructor(at: TestCa, roots: string) {
    const setting = { lifeDays: 90, skews: [], start: Date.now() + MINUTE, roots };
    super(setting, [{ id: node, server, isSeen: true }]);
    const issuer: Issuer = anIssuer({ directoryUrl: at.directoryUrl, roots: at.ca.tlsRoot });
    const patient = { ...issuer, timeoutMs: PATIENCE_MS };
    this.cas.splice(0, Infinity, Object.assign(this.cas[0]!, { issuer: patient }));
    this.#accounts = this.#real();
    this.#publish(at);
  }

  override accountsOf(): Accounts {
    return this.#accounts;
  }

  override rest(ms: number): Promise<void> {
    return pause(Math.min(ms, LONGEST_REST_MS));
  }

  /** The accounts as lambdas/issuer.ts opens them. */
  #real(): Accounts {
    const ports = { secrets: memorySecrets(), store: this.world.store, now: () => this.time };
    const open = keptAccounts(issuer => openAccount(issuer, ports), ports);
    return {
      open,
      directoryOf: issuer => directoryOf(issuer, this.time),
      registerAgain: async issuer => register(await open(issuer), issuer, ports),
    };
  }

  /** The CA's resolver answers with the zone's values of each moment. */
  #publish({ names }: TestCa): void {
    const { zones } = this.world;
    for (const name of [this.domain, server])
      names.records.set(`_acme-challenge.${name} CNAME`, [challengeTarget(name, challengeZone)]);
    const changeTxt: typeof zones.changeTxt = async (zoneId, changes) => {
      await zones.changeTxt(zoneId, changes);
      for (const { recordName } of changes)
        names.records.set(`${recordName} TXT`, zones.txt.get(`${zoneId} ${recordName}`) ?? []);
    };
    this.world.zones = { ...zones, changeTxt };
  }

  get record(): DomainRecord | undefined {
    return this.world.memory.domains.get(this.domain);
  }

  /** The leaf that the mail server serves for the domain. */
  get served(): string | undefined {
    return this.nodes.get(node)!.disk.get(this.domain)?.get('all')?.fingerprint;
  }

  /** The event's execution, and all that follows from it at once. */
  async say(machine: Parameters<Universe['send']>[0], type: string, detail: object): Promise<void> {
    this.send(machine, { 'detail-type': type, time: new Date(this.time).toISOString(), detail });
    await this.settle();
  }

  async settle(): Promise<void> {
    const until = this.time + HOUR;
    let isGoing = true;
    while (isGoing) {
      const isMoved = await this.turn({ place: 0, fate: 'done' }, until);
      isGoing = isMoved && (this.steps.running.size > 0 || this.clockwork.calls.length > 0);
    }
  }

  /** Lets time pass; the sweep starts what is due. */
  async pass(until: number): Promise<void> {
    while (await this.turn({ place: 0, fate: 'done' }, until));
    await this.settle();
  }

  /** A server that serves the domain with a certificate, which a person now wants replaced. */
  async prepare(): Promise<{ before: string }> {
    await this.say('register-server', 'Mail Server Registered', { server, node, adopt: true });
    await this.say('secure-domain', 'Domain Created', { domain: this.domain, mailServers: [server] });
    await this.pass(this.time + 10 * MINUTE);
    if (this.served === undefined) throw new Error(`not served: ${JSON.stringify(this.record?.parked)}`);
    this.steps.entered.length = 0;
    this.world.bus.events.length = 0;
    return { before: this.served };
  }

  async renewed(): Promise<void> {
    await this.world.store.askRenewal(this.domain, this.time);
    await this.say('secure-domain', 'Certificate Expiring', { domain: this.domain });
  }
}

export { DAY, HOUR, MINUTE };
